// Turns the items of an alias, an :include: file or a .forward into recipients.
//
// An address without a domain gets @myorigin. `\ann` is ann's mailbox, whatever her aliases say. A
// |command or /file is used only if allow_mail_to_commands or allow_mail_to_files has the kind of
// place in which it is written. :include: files are read at once and may include others, unless
// only a process of their owner may read them: then the file becomes a recipient of kind Include.
//
// Errors are seen by senders and in mailq. They say where something is wrong, but never quote it,
// since others may not be allowed to read the list.
//
// LIMITS  include_depth_max, expansion_items_max, dot_forward_bytes_max
// SEE ALSO   ../../store/maps/alias_items.h (the notation), router.h, ../delivery/forward_file.h
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/queue/envelope.h"
#include "store/maps/alias_items.h"

namespace pennypost::smtp {

inline constexpr int include_depth_max = 10;
inline constexpr std::size_t expansion_items_max = 50'000;  // of one alias, with its lists

/// The file of an :include:.
struct IncludedList {
  std::string text;
  /// If not empty: the file was not read, and a deliver process of this account must read it.
  std::string read_by;
  /// Why no command, file or further list in it may be used; empty if they may.
  std::string distrust;
};

/// What the items may name, and as whom it is used.
struct ExpansionRules {
  std::string place;   // `alias` or `forward`, as in allow_mail_to_commands
  std::string run_as;  // the account that |command and /file use; empty: default_privs
  /// Why no command or file may be used, whatever the settings say (because of the alias table's
  /// owner); empty if they may.
  std::string distrust;
  /// Errors are temporary; their text is only the reason.
  std::function<Result<IncludedList>(const std::string& path)> read_list;
};

/// Children inherit DSN requests, sender and depth from `parent`. Errors: temporary (a file can't
/// be read, a syntax error, distrust), saying what to do; permanent (5.7.1: not allowed; 5.4.6: too
/// many).
Result<std::vector<Recipient>> expand_items(const std::vector<store::AliasItem>& items,
                                            const Recipient& parent, const Config& config,
                                            const ExpansionRules& rules);

/// Completes an address: `ann` becomes ann@myorigin, `ann%host` and `host!ann` become ann@host, and
/// `ann@host` becomes ann@host.mydomain, if append_at_myorigin, allow_percent_hack, swap_bangpath
/// and append_dot_mydomain say so. The null address is unchanged. Errors as of completion_of(), or
/// the domain would be too long.
Result<MailAddress> completed(MailAddress address, const Settings& settings);
/// The same for a text. Error 501 5.1.3: not an address.
Result<std::string> complete_address(std::string_view text, const Config& config);

}  // namespace pennypost::smtp
