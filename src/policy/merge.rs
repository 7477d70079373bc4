//! Two policies as one.

use super::model::{Deny, Grant, Permission, Policy};

impl Policy {
    /// This policy with what `more` adds: its grants, its denials, and those of its limits that it sets itself.
    #[must_use]
    pub fn merged(mut self, more: Policy) -> Policy {
        fn add<T: PartialEq>(to: &mut Vec<Grant<T>>, from: Vec<Grant<T>>) {
            for grant in from {
                if !to.iter().any(|have| have.value == grant.value) {
                    to.push(grant);
                }
            }
        }
        self.sources.extend(more.sources);
        add(&mut self.read, more.read);
        add(&mut self.write, more.write);
        add(&mut self.net, more.net);
        add(&mut self.run, more.run);
        add(&mut self.env, more.env);
        let Deny { read, write, net, run, env } = more.deny;
        add(&mut self.deny.read, read);
        add(&mut self.deny.write, write);
        add(&mut self.deny.net, net);
        add(&mut self.deny.run, run);
        add(&mut self.deny.env, env);
        for (name, origin) in more.limit_origins {
            let (to, from) = (&mut self.limits, &more.limits);
            match name {
                "wall" => to.wall = from.wall,
                "cpu" => to.cpu = from.cpu,
                "memory" => to.memory = from.memory,
                "file_size" => to.file_size = from.file_size,
                "scratch" => to.scratch = from.scratch,
                "open_files" => to.open_files = from.open_files,
                "processes" => to.processes = from.processes,
                _ => to.output = from.output,
            }
            self.limit_origins.retain(|(have, _)| *have != name);
            self.limit_origins.push((name, origin));
        }
        self
    }

    /// Whether `permission` has any grant.
    pub fn grants_any(&self, permission: Permission) -> bool {
        match permission {
            Permission::Read => !self.read.is_empty(),
            Permission::Write => !self.write.is_empty(),
            Permission::Net => !self.net.is_empty(),
            Permission::Run => !self.run.is_empty(),
            Permission::Env => !self.env.is_empty(),
        }
    }
}
