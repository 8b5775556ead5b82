//! Arguments, output, progress, prompts, completions; the only place that prints.
