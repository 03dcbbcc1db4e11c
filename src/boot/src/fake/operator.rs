//! The fake's one operator: what somebody does to the machine, and says to it.

use super::*;

/// Datagrams of one flood.
pub(crate) const FLOOD: usize = 2000;
/// What the fake's sshd says.
const LOGS_IN: &str = "[200] Nov 22 17:00:57 Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:04k8 from 10.0.2.2:566\n";
const LOGS_OUT: &str =
    "[200] Nov 22 17:01:57 Exit (root) from <10.0.2.2:566>: Disconnect received\n";

impl Fake {
    /// The operator acts only when the machine has been quiet for a while.
    pub(super) fn operate(&mut self) {
        self.nobody_acts_before = self.now + 100 * SECOND_NS;
        if self.stays && self.fail_name == Some("read_init_request") {
            self.queue.push_back(Event::Signal(Signal::CtrlAltDel));
            return;
        }
        if self.stays {
            let mut request = [0; 384];
            request[0..4].copy_from_slice(&0x0309_1969_i32.to_ne_bytes());
            request[4..8].copy_from_slice(&1_i32.to_ne_bytes());
            request[8..12].copy_from_slice(&i32::from(b'6').to_ne_bytes());
            self.requests.push_back(request);
            self.queue.push_back(Event::InitRequest);
            return;
        }
        let word = self.operator.pop_front().unwrap_or("reboot");
        if let Some(disk) = word.strip_prefix("attach ") {
            self.attach(disk);
            self.nobody_acts_before = self.now + SECOND_NS;
            return;
        }
        // There and gone again before anybody can say what it was.
        if let Some(disk) = word.strip_prefix("flash ") {
            self.attach(disk);
            self.uevent(&format!("remove@/x SUBSYSTEM=block DEVNAME={disk}"));
            self.nobody_acts_before = self.now + SECOND_NS;
            return;
        }
        if let Some(name) = word.strip_prefix("kill ") {
            let is_it = |child: &FakeChild| child.alive && child.name == name;
            match self.children.iter().position(is_it) {
                Some(index) => self.signal(index, Kill::Kill),
                // It will come back.
                None => self.operator.push_front(word),
            }
            self.nobody_acts_before = self.now + SECOND_NS;
            return;
        }
        // A device that is no disk appears.
        if let Some(device) = word.strip_prefix("plug ") {
            self.uevent(&format!("add@/x SUBSYSTEM=watchdog DEVNAME={device}"));
            self.nobody_acts_before = self.now + SECOND_NS;
            return;
        }
        // Somebody logs in, or out again.
        if let "log in" | "log out" = word {
            let line = if word == "log in" { LOGS_IN } else { LOGS_OUT };
            let sshd = self
                .children
                .iter()
                .position(|child| child.name == "dropbear");
            let sshd = sshd.unwrap();
            self.children[sshd].output.extend(line.bytes());
            self.files.insert(
                "/proc/200/stat".to_string(),
                "200 (dropbear) S 101 ".to_string(),
            );
            let child = Child(u16::try_from(sshd).unwrap());
            self.queue.push_back(Event::Output(child));
            self.nobody_acts_before = self.now + SECOND_NS;
            return;
        }
        self.speak(word);
    }

    /// A datagram to the control socket.
    pub(super) fn speak(&mut self, word: &'static str) {
        let (bytes, times) = match word {
            "garbage" => (self.garbage.clone(), 1),
            "flood" => (self.garbage.clone(), FLOOD),
            _ => (word.as_bytes().to_vec(), 1),
        };
        for _ in 0..times {
            self.control.push_back(bytes.clone());
            self.queue.push_back(Event::Control);
        }
    }
}
