// The parts of read_sendmail_settings().
//
// SEE ALSO   sendmail.h
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtpd/migration/sendmail_site.h"

namespace pennypost::smtp {

/// DAEMON_OPTIONS: addresses and ports.
void read_sendmail_daemons(const SendmailSite& site);
/// FEATURE, and the settings that name the tables that were made.
void read_sendmail_features(const SendmailSite& site);
/// MASQUERADE_AS and its kin, genericstable.
void read_sendmail_masquerade(const SendmailSite& site);

/// `relay:[host]` or `host.` as a next hop of ours; for SMART_HOST with the port that
/// RELAY_MAILER_ARGS names. Nothing: it is none.
std::optional<std::string> next_hop_of(const SendmailSite& site, std::string_view value,
                                       bool is_relay);

}  // namespace pennypost::smtp
