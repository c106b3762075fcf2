// Says of which class an error is that a session has replied with, for notify_classes.
//
// SEE ALSO   ../../common/config/notify_classes.h
#pragma once

#include <optional>
#include <string_view>

#include "common/config/notify_classes.h"
#include "smtpd/inbound/reply.h"

namespace pennypost::smtp {

/// The class of a refusal. `stage`: the command that was refused, or END-OF-MESSAGE. Nothing for
/// what is no error: that the server is about to stop.
std::optional<ErrorClass> class_of(const Reply& reply, std::string_view stage);

}  // namespace pennypost::smtp
