// Turns the items of an alias, an :include: file or a .forward into the recipients that take its
// place.
//
// An address without a domain gets @myorigin. `\ann` is ann's mailbox, whatever her aliases say. A
// |command or /file is obeyed only where allow_mail_to_commands and allow_mail_to_files name the
// kind of place that it stands in. :include: files are read at once and may include others, unless
// only a process of their owner's may read them: then the file is a recipient of kind Include.
//
// Errors go to senders and into mailq. They say where something is wrong, and never quote what
// stands there: a list may be closed to others.
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
inline constexpr std::size_t expansion_items_max = 50'000;  // of one alias with all it includes

/// A file that :include: names.
struct IncludedList {
  std::string text;
  /// Not read: a deliver process of this account is to do it.
  std::string read_by;
  /// Why no command, file or further list in it may be used; empty: they may.
  std::string distrust;
};

/// Who may name what.
struct ExpansionRules {
  std::string place;   // `alias` or `forward`, as in allow_mail_to_commands
  std::string run_as;  // the account that |command and /file use; empty: default_privs
  /// Why no command or file may be used, whatever the settings say: who owns the alias table;
  /// empty: they may.
  std::string distrust;
  /// Errors are temporary; their text is the reason alone.
  std::function<Result<IncludedList>(const std::string& path)> read_list;
};

/// What each child inherits comes from `parent`. Error: temporary (a file can't be read, a syntax
/// error, distrust) with the remedy; permanent (5.7.1: not allowed; 5.4.6: too many).
Result<std::vector<Recipient>> expand_items(const std::vector<store::AliasItem>& items,
                                            const Recipient& parent, const Config& config,
                                            const ExpansionRules& rules);

/// `ann` becomes ann@myorigin, `ann%host` and `host!ann` become ann@host, and `ann@host` stays (or
/// becomes ann@host.mydomain), as append_at_myorigin, allow_percent_hack, swap_bangpath and
/// append_dot_mydomain have it. The null address stays. Error: as completion_of(), or the domain
/// would be too long.
Result<MailAddress> completed(MailAddress address, const Settings& settings);
/// The same of a text. Error 501 5.1.3: no address.
Result<std::string> complete_address(std::string_view text, const Config& config);

}  // namespace pennypost::smtp
