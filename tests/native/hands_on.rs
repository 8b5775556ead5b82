//! A client, a stock or a downloader that hands every call on to what it is laid over; with `misspells = "method"` it adds a key to that
//! answer.

use greffon_extension::{Description, Extension, Failure, Host, Role, Setup, Value, json};

struct HandsOn {
    role: Role,
    misspells: String,
}

impl Extension for HandsOn {
    fn describe(&self) -> Description {
        let methods: &[&str] = match self.role {
            Role::Client => &["plan", "apply"],
            Role::Downloader => &["download"],
            _ => &["versions", "element_info", "search", "store_element", "open", "list", "pin", "unpin", "gc", "verify"],
        };
        Description::new(self.role, "hands-on", "1.0.0", methods)
    }

    fn open(setup: Setup, _: &Host) -> Result<Self, Failure> {
        let text = |key: &str| setup.options.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { role: setup.role, misspells: text("misspells") })
    }

    fn call(&self, host: &Host, method: &str, request: Value) -> Result<Value, Failure> {
        let mut answer = host.call("inner", method, request)?;
        if self.misspells == method {
            let answer = if answer.is_array() { &mut answer[0] } else { &mut answer };
            answer["digset"] = json!("x");
        }
        Ok(answer)
    }
}

greffon_extension::export!(HandsOn);
