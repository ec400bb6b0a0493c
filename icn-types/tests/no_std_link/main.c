/* A foreign program around the archive: linking finds what is missing. */

int sign_and_verify(void);

/* Rust's ready-made `alloc` names it for unwinding; here a panic never unwinds. */
void rust_eh_personality(void) {}

int main(void) { return sign_and_verify(); }
