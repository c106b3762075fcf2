// The sender of mail that must not bounce: notices to postmaster.
//
// Such mail that can't be delivered is dropped, and nobody is told of an error in its delivery, so
// that no notice leads to another.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/mail/address.h"

namespace pennypost::smtp {

/// double_bounce_sender of this host.
std::string double_bounce_address(const Config& config);
/// Whether it is that, also with the domain $myorigin.
bool is_double_bounce(const MailAddress& address, const Config& config);
bool is_double_bounce(const std::string& address, const Config& config);

}  // namespace pennypost::smtp
