// Writes what a filter sends on its own: to a script's owner that it has failed, and the Message-ID
// of what the script sends.
//
// STANDARDS  RFC 3834 section 3.1 (Auto-Submitted), RFC 5322 section 3.6.4
#pragma once

#include <cstdint>
#include <string>

#include "common/config/config.h"
#include "store/mailbox/delivery.h"

namespace pennypost::store {

/// The most of the mistakes that is told.
inline constexpr std::size_t failure_text_bytes_max = 8 * 1024;

/// To the recipient of the delivery; `what`: the mistakes, a line each.
AutomaticReply failure_notice(const Config& config, const Delivery& delivery,
                              const std::string& what, std::int64_t now);

/// The text of a reply with a Message-ID, if it has none: the same one at each attempt.
/// `number` tells the replies of a delivery apart.
std::string with_message_id(const Config& config, const Delivery& delivery, std::size_t number,
                            const std::string& text);

}  // namespace pennypost::store
