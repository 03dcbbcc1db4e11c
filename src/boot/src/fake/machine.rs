//! The fake as a [`Machine`]: each call may be made to fail, and is remembered.

use super::*;

impl Machine for Fake {
    fn now(&mut self) -> Nanoseconds {
        self.now
    }

    fn wall_clock(&mut self) -> Nanoseconds {
        self.wall_clock
    }

    fn set_wall_clock(&mut self, to: Nanoseconds) -> Result<(), Errno> {
        self.call("set_wall_clock")?;
        self.wall_clock = to;
        Ok(())
    }

    fn wait(&mut self, until: Option<Nanoseconds>) -> Event {
        self.calls += 1;
        self.call_names.push("wait");
        assert!(
            self.calls < CALLS_MAX,
            "the boot does not end: {:#?}",
            self.said
        );
        self.waits += 1;
        if let Some((at, word)) = self.speaks_at
            && at == self.waits
        {
            self.speak(word);
        }
        if let Some(event) = self.queue.pop_front() {
            return event;
        }
        let next = self.timeline.first_key_value().map(|(&(at, _), _)| at);
        if next.is_some_and(|next| until.is_none_or(|until| next <= until))
            && let Some(event) = self.advance()
        {
            return event;
        }
        let may_act = (self.wants_operator || self.stays) && self.now >= self.nobody_acts_before;
        if may_act && !self.gone {
            self.operate();
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
        }
        match until {
            Some(until) => self.now = self.now.max(until),
            // Nothing is set and nobody acts: some time passes, as between an operator's words.
            None => self.now += SECOND_NS,
        }
        Event::Due
    }

    fn keep(&mut self, frame: &[u8]) -> Result<(), Errno> {
        let Some(Scanned::Frame(parsed)) = Scan::new(frame).next() else {
            panic!("no frame")
        };
        match parsed.event() {
            Some(Record::Operator(event)) => {
                if event.what == "waiting" {
                    self.wants_operator = true;
                    self.trees_waiting.push(self.tree.clone());
                } else if event.waited_ns.is_some() {
                    self.wants_operator = false;
                }
            }
            Some(Record::StageBegan(event)) => {
                self.wants_operator = false;
                self.stays = event.stage == "stay";
            }
            Some(Record::Shutdown(_)) => (self.stays, self.gone) = (false, true),
            _ => {}
        }
        self.call("keep")?;
        self.frames.extend_from_slice(frame);
        Ok(())
    }

    fn say(&mut self, loudness: Loudness, line: &str) {
        match loudness {
            Loudness::Trace => self.traced.push(line.to_string()),
            Loudness::Milestone | Loudness::Alarm => self.said.push(line.to_string()),
        }
    }

    fn random(&mut self) -> u32 {
        0x1234_5678
    }

    fn ground(&mut self) -> Ground {
        self.ground
    }

    fn make_stage(&mut self, ground: Ground) -> Result<(), Errno> {
        self.call("make_stage")?;
        if ground == Ground::Mount {
            return Ok(());
        }
        self.tree.insert("/".to_string(), "stage");
        if self.origin == crate::Origin::InPlace {
            // The pivot into the image is behind us.
            self.tree.insert("/newroot".to_string(), "root");
        }
        Ok(())
    }

    fn mount_early(&mut self, which: EarlyMount) -> Result<(), Errno> {
        self.call("mount_early")?;
        let (at, what) = match which {
            EarlyMount::Proc => ("/proc", "proc"),
            EarlyMount::Sys => ("/sys", "sysfs"),
            EarlyMount::Dev => ("/dev", "devtmpfs"),
            EarlyMount::Pts => ("/dev/pts", "devpts"),
            EarlyMount::Run => ("/run", "tmpfs"),
            EarlyMount::Groups => ("/run/preroot/cgroup", "cgroup2"),
        };
        self.tree.insert(at.to_string(), what);
        Ok(())
    }

    fn make_rescue_root(&mut self) -> Result<(), Errno> {
        self.call("make_rescue_root")
    }

    fn listen(&mut self, _: Channel) -> Result<(), Errno> {
        self.call("listen")
    }

    fn read_file(&mut self, path: &str, out: &mut [u8]) -> Result<usize, Errno> {
        self.call("read_file")?;
        let text = self.files.get(path).ok_or(Errno::NOENT)?.as_bytes();
        let length = text.len().min(out.len());
        out[..length].copy_from_slice(&text[..length]);
        Ok(length)
    }

    fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        self.call("write_file")?;
        let value = String::from_utf8(bytes.to_vec()).unwrap();
        self.written.push((path.to_string(), value.clone()));
        self.files.insert(path.to_string(), value);
        Ok(())
    }

    fn append_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        self.call("append_file")?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.files
            .entry(path.to_string())
            .or_default()
            .push_str(&text);
        Ok(())
    }

    fn modaliases(
        &mut self,
        wanted: &dyn Fn(&str) -> bool,
        each: &mut dyn FnMut(&str),
    ) -> Result<(), Errno> {
        self.call("modaliases")?;
        assert!(wanted("pci") && wanted("virtio") && !wanted("acpi"));
        each("pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00");
        if self.modules.iter().any(|module| module == "virtio_pci") {
            each("virtio:d00000001v00001AF4");
            each("virtio:d00000002v00001AF4");
        }
        Ok(())
    }

    fn block_devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Errno> {
        self.call("block_devices")?;
        self.builtin_disks.iter().for_each(|disk| each(disk));
        if self.modules.iter().any(|module| module == "virtio_blk") {
            self.disks.iter().for_each(|disk| each(disk));
        }
        Ok(())
    }

    fn read_uevent(&mut self, out: &mut [u8]) -> Result<usize, Errno> {
        self.call("read_uevent")?;
        let uevent = self.uevents.pop_front().ok_or(Errno::AGAIN)?;
        out[..uevent.len()].copy_from_slice(&uevent);
        Ok(uevent.len())
    }

    fn spawn(&mut self, spawn: &Spawn<'_>) -> Result<Spawned, Errno> {
        self.call("spawn")?;
        self.start(spawn)
    }

    fn kill(&mut self, child: Child, how: Kill) -> Result<(), Errno> {
        self.call("kill")?;
        let index = usize::from(child.0);
        if how == Kill::Kill
            && let Some(child) = self.children.get(index)
        {
            self.killed.push(child.name.clone());
        }
        self.signal(index, how);
        Ok(())
    }

    fn kill_process(&mut self, pid: u32) -> Result<(), Errno> {
        self.call("kill_process")?;
        self.killed_processes.push((self.now, pid));
        Ok(())
    }

    fn kill_group(&mut self, group: &str, how: Kill) -> Result<(), Errno> {
        self.call("kill_group")?;
        self.killed_groups.push(format!("{how:?} {group}"));
        Ok(())
    }

    fn sweep_groups(&mut self, _: &str) -> Result<(), Errno> {
        self.call("sweep_groups")
    }

    fn read_output(&mut self, child: Child, out: &mut [u8]) -> Result<usize, Errno> {
        self.call("read_output")?;
        let child = &mut self.children[usize::from(child.0)];
        let length = child.output.len().min(out.len());
        if length == 0 {
            return if child.alive {
                Err(Errno::AGAIN)
            } else {
                Ok(0)
            };
        }
        for (slot, byte) in out.iter_mut().zip(child.output.drain(..length)) {
            *slot = byte;
        }
        Ok(length)
    }

    fn kill_all(&mut self, how: Kill, _: Spare) -> Result<(), Errno> {
        self.call("kill_all")?;
        for index in 0..self.children.len() {
            self.signal(index, how);
        }
        if self.children.iter().any(|child| child.alive) {
            Ok(())
        } else {
            Err(Errno::SRCH)
        }
    }

    fn make_directory(&mut self, _: &str) -> Result<(), Errno> {
        self.call("make_directory")
    }

    fn writable(&mut self, path: &str) -> Result<(), Errno> {
        assert_eq!(path, "/");
        self.call("writable")?;
        if self.root_turns {
            Err(Errno::ROFS)
        } else {
            Ok(())
        }
    }

    fn move_mount(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        self.call("move_mount")?;
        self.mounts.push(format!("move {from} {to}"));
        if !self.tree.contains_key(from) {
            return Err(Errno::INVAL);
        }
        self.see(|path| match path.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
            _ => path.to_string(),
        });
        Ok(())
    }

    fn pivot_root(&mut self, new: &str, old: &str) -> Result<(), Errno> {
        self.call("pivot_root")?;
        self.mounts.push(format!("pivot {new} {old}"));
        // pivot_root(2): both are mount points, and what is left has a parent.
        let stands = self.tree.get("/").copied();
        let can = stands != Some("rootfs") || self.ground == Ground::Mount;
        if !can || !self.tree.contains_key(new) {
            return Err(Errno::INVAL);
        }
        let stage = old.strip_prefix(new).unwrap_or_default().to_string();
        self.see(|path| match path.strip_prefix(new) {
            Some("") => "/".to_string(),
            Some(rest) if rest.starts_with('/') => rest.to_string(),
            _ if path == "/" => stage.clone(),
            _ => format!("{stage}{path}"),
        });
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Errno> {
        self.call("sync")
    }

    fn read_control(&mut self, out: &mut [u8]) -> Result<Asked, Errno> {
        self.call("read_control")?;
        let word = self.control.pop_front().ok_or(Errno::AGAIN)?;
        let length = word.len().min(out.len());
        out[..length].copy_from_slice(&word[..length]);
        Ok(Asked {
            length,
            pid: 77,
            uid: self.asker_uid,
        })
    }

    fn answer_control(&mut self, answer: &[u8]) -> Result<(), Errno> {
        self.call("answer_control")?;
        self.answers
            .push(String::from_utf8(answer.to_vec()).unwrap());
        Ok(())
    }

    fn read_init_request(&mut self, out: &mut [u8; 384]) -> Result<(), Errno> {
        self.call("read_init_request")?;
        *out = self.requests.pop_front().ok_or(Errno::AGAIN)?;
        Ok(())
    }

    fn exec(&mut self, _: &Pid1, path: &str, _: &[&str]) -> Errno {
        self.spawned.push(format!("exec {path}"));
        match self.call("exec") {
            Ok(()) => Errno::NOENT,
            Err(errno) => errno,
        }
    }

    fn power(&mut self, _: &Pid1, how: Power) -> Errno {
        self.ended = Some(how);
        Errno::PERM
    }
}
