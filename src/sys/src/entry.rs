//! Process entry without a libc: `_start`, and the `mem*` functions that compiled code calls.
//!
//! Nothing runs before `main`: no constructors, no thread-local storage (nothing reads %fs), no
//! stack protector, no relocation. Invariant: the binary that expands [`entry!`](crate::entry!) is static and
//! not position independent, for nobody would apply its relocations.
//!
//! `rep movsq` and `rep stosq`, because LLVM turns a loop over bytes into a call to the very function
//! it stands in; eight bytes at a time, because an emulator counts each turn.

use core::ffi::CStr;

/// The words a program was started with. They live as long as the process.
#[derive(Debug, Clone, Copy)]
pub struct Arguments {
    next: *const *const u8,
    left: usize,
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
        }
    };
    main(arguments)
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
            ".globl memcpy",
            "memcpy:",
            "mov rax, rdi",
            "mov rcx, rdx",
            "shr rcx, 3",
            "rep movsq",
            "mov ecx, edx",
            "and ecx, 7",
            "rep movsb",
            "ret",
            ".globl memmove",
            "memmove:",
            "mov rax, rdi",
            "sub rax, rsi",
            "cmp rax, rdx",
            "jae memcpy", // unsigned: the target lies before the source or behind its end
            "mov rax, rdi",
            "mov rcx, rdx",
            "lea rdi, [rdi + rdx - 1]",
            "lea rsi, [rsi + rdx - 1]",
            "std",
            "rep movsb",
            "cld",
            "ret",
            ".globl memset",
            "memset:",
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
            ".globl memcmp",
            ".globl bcmp",
            "memcmp:",
            "bcmp:",
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
            ".globl strlen",
            "strlen:",
            "xor eax, eax",
            "6:",
            "cmp byte ptr [rdi + rax], 0",
            "je 7f",
            "inc rax",
            "jmp 6b",
            "7:",
            "ret",
            begin = sym begin,
        );

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
