//! A child that goes on with what its parent knows, for what may never return.

use linux_raw_sys::general::__NR_fork;
use rustix::io::Errno;

use crate::spawn::exit;
use crate::syscall::syscall;

/// `fork()`: a copy of this process runs `work` and exits with 0; the parent gets its pid and goes on at once.
/// [fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html)
///
/// # Errors
/// As the call: then nothing runs.
pub fn child(work: impl FnOnce()) -> Result<u32, Errno> {
    // SAFETY: no pointers. All memory of this process is private, so each of the two goes on with its own copy of it, and
    // descriptors are counted by the kernel. The child never comes back to the caller, so nothing is dropped twice.
    let pid = unsafe { syscall(__NR_fork, [0; 6]) }?;
    if pid == 0 {
        work();
        exit(0);
    }
    u32::try_from(pid).map_err(|_| Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::child;
    use crate::reap;

    #[test]
    fn a_child_has_its_own_memory() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let mut number = 1;
        let pid = child(|| {
            number += 1;
            // Nothing but system calls: other threads of the tests are not in the copy.
            let _ = rustix::io::write(&writer, &[number]);
        })
        .unwrap();
        let mut said = [0];
        assert_eq!(rustix::io::read(&reader, &mut said), Ok(1));
        assert_eq!((number, said), (1, [2]));
        let ended = reap::ending(pid).unwrap();
        assert_eq!((ended.pid, ended.status), (pid, 0));
    }
}
