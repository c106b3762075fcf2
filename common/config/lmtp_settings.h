// Gives the SMTP client the settings that it has as an LMTP client.
//
// The client reads smtp_ settings alone, whichever of the two protocols it speaks. For LMTP it is
// given a copy of the configuration in which each smtp_ setting has the value of its lmtp_ form.
// What has no such form, such as smtp_reply_length_limit, is common to both.
#pragma once

#include <memory>

#include "common/config/config.h"

namespace pennypost {

/// Gives each smtp_ setting of the client the value of its lmtp_ form; lmtp_lhlo_name stands for
/// smtp_helo_name, lmtp_tcp_port for smtp_target_port.
void use_lmtp_settings(Settings& settings);

/// A copy after use_lmtp_settings().
std::shared_ptr<const Config> lmtp_client_config(const Config& config);

}  // namespace pennypost
