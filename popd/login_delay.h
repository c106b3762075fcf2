// Refuses a login that follows too soon on the one before (pop3_login_delay).
//
// When a user has logged in last is the modification time of an empty file beside the account's
// index, `.pennypost-pop3-login`, so that it outlives the worker and is common to all hosts that
// share the mail.
//
// STANDARDS  RFC 2449 sections 6.5 and 8.1.1 (LOGIN-DELAY)
#pragma once

#include <chrono>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace pennypost::pop {

/// Notes a login in `directory`, which is made if it is missing, and returns 0; or, if the last one
/// was less than `delay` ago, changes nothing and returns how long to wait. A time in the future is
/// no login.
Result<std::chrono::seconds> note_login(const std::string& directory, std::chrono::seconds delay,
                                        const Clock& clock);

}  // namespace pennypost::pop
