// Defines ASSERT, which ends the process with a `panic:` line if an invariant is broken, in every
// build.
//
// For bugs only: anything that a peer, a file or an admin can cause is a Result, never an ASSERT.
#pragma once

namespace pennypost {

/// Sets a function that is called with the text of a failed ASSERT before abort(); common/log sets
/// one that writes to the log. Until then the text goes to stderr.
void on_panic(void (*hook)(const char* text));

/// Logs `panic: EXPRESSION at FILE:LINE` and aborts; the queue is crash-safe.
[[noreturn]] void panic(const char* expression, const char* file, int line);

}  // namespace pennypost

#define ASSERT(x) (static_cast<bool>(x) ? void(0) : ::pennypost::panic(#x, __FILE__, __LINE__))
