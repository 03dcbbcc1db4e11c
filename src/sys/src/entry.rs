//! Process entry without a libc: `_start`, and the `mem*` functions that compiled code calls.
//!
//! Nothing runs before `main`: no constructors, no thread-local storage (nothing reads %fs), no
//! stack protector, no relocation. Invariant: the binary that expands [`entry!`](crate::entry!) is static and
//! not position independent, for nobody would apply its relocations.
//!
//! `rep movsq` and `rep stosq`, because LLVM turns a loop over bytes into a call to the very function
//! it stands in; eight bytes at a time, because an emulator counts each turn.

use core::ffi::CStr;

use linux_raw_sys::general::__NR_execve;
use rustix::io::Errno;

use crate::syscall::syscall;

/// The words a program was started with. They live as long as the process.
#[derive(Debug, Clone, Copy)]
pub struct Arguments {
    next: *const *const u8,
    left: usize,
    /// Where argv begins, and how many words it has: the environment stands behind it.
    first: *const *const u8,
    count: usize,
}

impl Arguments {
    /// `execve(path, argv, envp)` with the very words and environment this process was started with,
    /// however many of them were taken. Returns only if that fails.
    /// [execve(2)](https://man7.org/linux/man-pages/man2/execve.2.html)
    pub fn exec(&self, path: &CStr) -> Errno {
        let argv = self.first as usize;
        // SAFETY: `path` ends with NUL. `run` found both tables on the initial stack, where they stay
        // as the kernel made them: argv, ended by null, and right behind it envp, ended by null.
        unsafe {
            let envp = self.first.add(self.count).add(1) as usize;
            syscall(__NR_execve, [path.as_ptr() as usize, argv, envp, 0, 0, 0])
        }
        .err()
        .unwrap_or(Errno::NOEXEC)
    }

    /// The same without the first `skipped` words: what comes behind them is the new argv. `EINVAL`: there are not as many.
    pub fn exec_behind(&self, skipped: usize, path: &CStr) -> Errno {
        if skipped >= self.count {
            return Errno::INVAL;
        }
        // SAFETY: `first` has `count` words, and `skipped` is less.
        let first = unsafe { self.first.add(skipped) };
        let rest = Arguments {
            first,
            count: self.count - skipped,
            ..*self
        };
        rest.exec(path)
    }

    /// The same with another `argv[0]`.
    pub fn exec_as(&self, path: &CStr, name: &'static CStr) -> Errno {
        if self.count > 0 {
            // SAFETY: `run` found argv on the initial stack, which is this process's own to write (execve(2): the
            // words and the table are copies), and nobody holds a reference into the table. `name` outlives it.
            unsafe { self.first.cast_mut().write(name.as_ptr().cast()) };
        }
        self.exec(path)
    }
}

impl Arguments {
    /// The environment, `NAME=VALUE` each (environ(7)).
    pub fn environment(&self) -> impl Iterator<Item = &'static CStr> {
        // SAFETY: `run` found argv on the initial stack, ended by null, and right behind it envp, ended by null.
        let mut next = unsafe { self.first.add(self.count).add(1) };
        core::iter::from_fn(move || {
            // SAFETY: as above; the walk ends at the null, so `next` never leaves the table. Nobody writes there.
            unsafe {
                let word = *next;
                if word.is_null() {
                    return None;
                }
                next = next.add(1);
                Some(CStr::from_ptr(word.cast()))
            }
        })
    }
}

impl Iterator for Arguments {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: `run` took pointer and count from the initial stack, where the kernel has put `left` more
        // pointers to strings ended by NUL. Nobody writes there.
        unsafe {
            let word = *self.next;
            self.next = self.next.add(1);
            Some(CStr::from_ptr(word.cast()))
        }
    }
}

/// Reads the initial stack and calls `main`: only [`entry!`](crate::entry!) calls this.
///
/// # Safety
/// `stack` is the stack pointer the kernel started this process with (System V ABI, AMD64 supplement,
/// 3.4.1): argc, then argv.
pub unsafe fn run(stack: *const usize, main: fn(Arguments) -> !) -> ! {
    // SAFETY: the caller vouches for the layout.
    let arguments = unsafe {
        Arguments {
            left: *stack,
            next: stack.add(1).cast(),
            first: stack.add(1).cast(),
            count: *stack,
        }
    };
    main(arguments)
}

/// Defines the functions that compiled code calls without being asked: `memcpy`, `memmove`, `memset`, `memcmp`,
/// `bcmp`, `strlen`. Under a prefix they can be tested where a libc has its own.
#[doc(hidden)]
#[macro_export]
macro_rules! memory_functions {
    ($prefix:literal) => {
        ::core::arch::global_asm!(
            concat!(".globl ", $prefix, "memcpy"),
            concat!($prefix, "memcpy:"),
            "mov rax, rdi",
            "mov rcx, rdx",
            "shr rcx, 3",
            "rep movsq",
            "mov ecx, edx",
            "and ecx, 7",
            "rep movsb",
            "ret",
            concat!(".globl ", $prefix, "memmove"),
            concat!($prefix, "memmove:"),
            "mov rax, rdi",
            "sub rax, rsi",
            "cmp rax, rdx",
            concat!("jae ", $prefix, "memcpy"), // unsigned: the target lies before the source or behind its end
            "mov rax, rdi",
            "mov rcx, rdx",
            "lea rdi, [rdi + rdx - 1]",
            "lea rsi, [rsi + rdx - 1]",
            "std",
            "rep movsb",
            "cld",
            "ret",
            concat!(".globl ", $prefix, "memset"),
            concat!($prefix, "memset:"),
            "mov r8, rdi",
            "movzx eax, sil",
            "movabs rcx, 0x0101010101010101",
            "imul rax, rcx",
            "mov rcx, rdx",
            "shr rcx, 3",
            "rep stosq",
            "mov ecx, edx",
            "and ecx, 7",
            "rep stosb",
            "mov rax, r8",
            "ret",
            concat!(".globl ", $prefix, "memcmp"),
            concat!(".globl ", $prefix, "bcmp"),
            concat!($prefix, "memcmp:"),
            concat!($prefix, "bcmp:"),
            "2:",
            "cmp rdx, 8", // equal words are passed over; the bytes of the first other one decide
            "jb 3f",
            "mov rax, [rdi]",
            "cmp rax, [rsi]",
            "jne 3f",
            "add rdi, 8",
            "add rsi, 8",
            "sub rdx, 8",
            "jmp 2b",
            "3:",
            "test rdx, rdx",
            "jz 4f",
            "movzx eax, byte ptr [rdi]",
            "movzx ecx, byte ptr [rsi]",
            "sub eax, ecx",
            "jne 5f",
            "inc rdi",
            "inc rsi",
            "dec rdx",
            "jmp 3b",
            "4:",
            "xor eax, eax",
            "5:",
            "ret",
            concat!(".globl ", $prefix, "strlen"),
            concat!($prefix, "strlen:"),
            "xor eax, eax",
            "6:",
            "cmp byte ptr [rdi + rax], 0",
            "je 7f",
            "inc rax",
            "jmp 6b",
            "7:",
            "ret",
        );
    };
}

/// Defines `_start`, `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`; the process begins in
/// `$main`, a `fn(Arguments) -> !`. Expand it once, in the binary: from a library the linker may leave it out.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        ::core::arch::global_asm!(
            ".globl _start",
            "_start:",
            "xor ebp, ebp",
            "mov rdi, rsp",
            "and rsp, -16",
            "call {begin}",
            "ud2",
            begin = sym begin,
        );

        $crate::memory_functions!("");

        unsafe extern "C" fn begin(stack: *const usize) -> ! {
            // SAFETY: `_start` is where the kernel enters, and it hands on the stack pointer untouched.
            unsafe { $crate::entry::run(stack, $main) }
        }

        /// Without link-time optimisation the unwind tables of the prebuilt libcore name this.
        #[unsafe(no_mangle)]
        extern "C" fn rust_eh_personality() {}

        /// As above. Panics abort, so nobody comes here.
        #[unsafe(no_mangle)]
        extern "C" fn _Unwind_Resume() -> ! {
            $crate::spawn::exit(102)
        }
    };
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    memory_functions!("preroot_test_");

    unsafe extern "C" {
        #[link_name = "preroot_test_memcpy"]
        fn copy(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
        #[link_name = "preroot_test_memmove"]
        fn shift(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
        #[link_name = "preroot_test_memset"]
        fn fill(to: *mut u8, byte: i32, length: usize) -> *mut u8;
        #[link_name = "preroot_test_memcmp"]
        fn compare(a: *const u8, b: *const u8, length: usize) -> i32;
        #[link_name = "preroot_test_bcmp"]
        fn differ(a: *const u8, b: *const u8, length: usize) -> i32;
        #[link_name = "preroot_test_strlen"]
        fn length(text: *const u8) -> usize;
    }

    const LENGTHS: std::ops::Range<usize> = 0..40;

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 7 + 1) as u8).collect()
    }

    #[test]
    fn bytes_are_copied() {
        for bytes in LENGTHS {
            let from = pattern(bytes);
            let mut to = [0xEE; 64];
            // SAFETY: both are long enough, and apart.
            let returned = unsafe { copy(to.as_mut_ptr().add(3), from.as_ptr(), bytes) };
            assert_eq!(returned, to[3..].as_mut_ptr());
            assert_eq!(to[3..3 + bytes], from);
            assert!(
                to[..3]
                    .iter()
                    .chain(&to[3 + bytes..])
                    .all(|&byte| byte == 0xEE)
            );
        }
    }

    #[test]
    fn bytes_are_moved_over_themselves() {
        for bytes in LENGTHS {
            for (from, to) in [(0, 0), (0, 1), (1, 0), (0, 9), (9, 0), (3, 20), (20, 3)] {
                let mut ours = pattern(64);
                let mut expected = ours.clone();
                expected.copy_within(from..from + bytes, to);
                let base = ours.as_mut_ptr();
                // SAFETY: both ranges lie in the 64 bytes.
                let returned = unsafe { shift(base.add(to), base.add(from), bytes) };
                assert_eq!(
                    (returned, ours),
                    (base.wrapping_add(to), expected),
                    "{bytes} {from} {to}"
                );
            }
        }
    }

    #[test]
    fn bytes_are_set() {
        for bytes in LENGTHS {
            let mut to = [0xEE; 64];
            // SAFETY: long enough. Only the low byte of the int counts.
            let returned = unsafe { fill(to.as_mut_ptr().add(5), 0x1A5, bytes) };
            assert_eq!(returned, to[5..].as_mut_ptr());
            assert!(to[5..5 + bytes].iter().all(|&byte| byte == 0xA5));
            assert!(
                to[..5]
                    .iter()
                    .chain(&to[5 + bytes..])
                    .all(|&byte| byte == 0xEE)
            );
        }
    }

    #[test]
    fn bytes_are_compared() {
        for bytes in LENGTHS {
            let a = pattern(bytes);
            // SAFETY: both have `bytes` bytes.
            let check = |b: &[u8]| unsafe {
                let order = compare(a.as_ptr(), b.as_ptr(), bytes);
                assert_eq!(order.signum(), a.as_slice().cmp(b) as i32, "{bytes}");
                assert_eq!(differ(a.as_ptr(), b.as_ptr(), bytes) == 0, a == b);
            };
            check(&a);
            for at in 0..bytes {
                for byte in [0, 0x7F, 0x80, 0xFF] {
                    let mut b = a.clone();
                    b[at] = byte;
                    check(&b);
                }
            }
        }
    }

    #[test]
    fn text_is_measured() {
        for bytes in LENGTHS {
            let mut text = std::vec![b'x'; bytes];
            text.push(0);
            // SAFETY: ended by NUL.
            assert_eq!(unsafe { length(text.as_ptr()) }, bytes);
        }
    }
}
