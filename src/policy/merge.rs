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

    /// This policy with those limits that `other` sets, where they are stricter.
    #[must_use]
    pub fn tightened(self, other: &Policy) -> Policy {
        let (mine, theirs) = (self.limits, other.limits);
        let stricter = |name: &str| match name {
            "wall" => theirs.wall < mine.wall,
            "cpu" => theirs.cpu < mine.cpu,
            "memory" => theirs.memory < mine.memory,
            "file_size" => theirs.file_size < mine.file_size,
            "scratch" => theirs.scratch < mine.scratch,
            "open_files" => theirs.open_files < mine.open_files,
            "processes" => theirs.processes < mine.processes,
            _ => theirs.output < mine.output,
        };
        let origins = other.limit_origins.iter().filter(|(name, _)| stricter(name)).cloned().collect();
        self.merged(Policy { limits: theirs, limit_origins: origins, ..Policy::default() })
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
