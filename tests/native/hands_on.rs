//! A client, a stock, a downloader or an installer that hands every call on to what it is laid over; with `misspells = "method"` it adds a
//! key to that answer.

use greffon_extension::{Description, Extension, Failure, Host, Role, Setup, Value, json};

struct HandsOn {
    role: Role,
    misspells: String,
    misspelt: String,
}

impl Extension for HandsOn {
    fn describe(&self) -> Description {
        let methods: &[&str] = match self.role {
            Role::Client => &["plan", "apply"],
            Role::Downloader => &["download"],
            Role::Installer => &[
                "place", "info", "prepare", "is_installed", "scheme", "types", "element_type", "survey", "review", "shipped", "demands", "data_version",
                "ref_versions", "version_of_ref",
            ],
            _ => &["versions", "element_info", "search", "store_element", "open", "list", "pin", "unpin", "gc", "verify"],
        };
        Description::new(self.role, "hands-on", "1.0.0", methods)
    }

    fn open(setup: Setup, _: &Host) -> Result<Self, Failure> {
        let text = |key: &str| setup.options.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let misspelt = Some(text("as")).filter(|key| !key.is_empty()).unwrap_or_else(|| "digset".to_owned());
        Ok(Self { role: setup.role, misspells: text("misspells"), misspelt })
    }

    fn call(&self, host: &Host, method: &str, request: Value) -> Result<Value, Failure> {
        let mut answer = host.call("inner", method, request)?;
        if self.misspells == method {
            let answer = if answer.is_array() { &mut answer[0] } else { &mut answer };
            answer[self.misspelt.as_str()] = json!("x");
        }
        Ok(answer)
    }
}

greffon_extension::export!(HandsOn);
