// Describes the transports that an admin has defined, as Postfix keeps them in master.cf.
//
//   [transport.dovecot]                   [transport.patient]
//   kind = "pipe"                         kind = "smtp"
//   user = "vmail:vmail"                  smtp_connect_timeout = "2m"
//   flags = "DRhu"                        smtp_tls_security_level = "encrypt"
//   argv = "/usr/lib/dovecot/dovecot-lda -f ${sender} -d ${recipient}"
//
// The kinds smtp and relay take the client's smtp_ settings, lmtp its lmtp_ settings; pipe takes
// the attributes of Postfix's pipe(8) and time_limit. In argv, blanks separate the arguments, `{a
// b}` holds an argument with blanks, and a TOML list has one argument an item.
//
// SEE ALSO   own_section.h, ../../smtpd/delivery/pipe_arguments.h (what is made of argv)
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limit.h"
#include "common/base/result.h"
#include "common/config/own_section.h"

namespace pennypost {

struct Settings;

enum class TransportKind { Smtp, Relay, Lmtp, Pipe, Local, Virtual, Error, Retry, Discard };

/// The name of a kind; all but pipe are also built-in transports.
std::string_view name_of(TransportKind kind);
std::optional<TransportKind> parse_transport_kind(std::string_view name);
/// The transport of that name that exists without a section.
std::optional<TransportKind> built_in_transport(std::string_view name);

inline constexpr std::size_t pipe_arguments_max = 1000;

/// What a transport of kind pipe runs.
struct PipeCommand {
  std::vector<std::string> arguments;  ///< with their macros
  std::string user;
  std::string group;  ///< empty: the user's
  std::string flags;
  std::string directory;  ///< empty: queue_directory
  std::string null_sender = "MAILER-DAEMON";
  std::string line_end = "\n";
  Limit message_bytes_max;
  std::optional<std::chrono::seconds> time_limit;  ///< unset: command_time_limit

  bool has(char flag) const { return flags.find(flag) != flags.npos; }
};

/// A [transport.NAME].
struct OwnTransport {
  std::string name;
  TransportKind kind = TransportKind::Smtp;
  std::string where;  ///< `FILE:LINE`
  PipeCommand pipe;
  std::shared_ptr<const Settings> settings;  ///< with the transport's own values; never null

  /// Whether `send` speaks SMTP or LMTP for it.
  bool is_client() const { return kind <= TransportKind::Lmtp; }
};
using OwnTransports = std::map<std::string, OwnTransport, std::less<>>;

/// The keys that a kind takes besides settings.
std::vector<std::string_view> own_keys_of(TransportKind kind);

/// Reads the keys of a section whose kind is known. Mistakes are added to `errors`, each
/// `FILE:LINE: …`.
OwnTransport read_transport(const OwnSection& section, std::vector<std::string>& errors);

/// The arguments in a text: `a {b c} d`. Error: braces do not match, or there are too many.
Result<std::vector<std::string>> split_arguments(std::string_view text);
/// One argument in that notation. Error: it can't be written so.
Result<std::string> argument_text(std::string_view argument);

/// The macros that argv may use, as pipe(8) names them.
bool is_pipe_macro(std::string_view name);
/// The macros in an argument, `${name}`, `$(name)`, `$name`; each is passed to `macro`, all else to
/// `text`; `$$` is a dollar. Error: a brace that is not closed, a $ without a name.
template <class Text, class Macro>
Result<void> walk_argument(std::string_view argument, Text text, Macro macro) {
  auto is_letter = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  for (std::size_t at = 0; at < argument.size();) {
    auto dollar = std::min(argument.find('$', at), argument.size());
    if (dollar > at) text(argument.substr(at, dollar - at));
    if (dollar == argument.size()) return {};
    at = dollar + 1;
    char next = at < argument.size() ? argument[at] : '\0';
    if (next == '$') {
      text(std::string_view("$"));
      ++at;
      continue;
    }
    bool is_closed = next == '{' || next == '(';
    std::size_t begin = is_closed ? at + 1 : at;
    std::size_t end = begin;
    while (end < argument.size() && is_letter(argument[end])) ++end;
    bool ends_well =
        !is_closed || (end < argument.size() && argument[end] == (next == '{' ? '}' : ')'));
    if (end == begin || !ends_well) {
      return Error::permanent("a $ needs a name behind it, as in ${recipient}; $$ is a dollar");
    }
    macro(argument.substr(begin, end - begin));
    at = is_closed ? end + 1 : end;
  }
  return {};
}

}  // namespace pennypost
