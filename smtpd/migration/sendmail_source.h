// Reads the files of /etc/mail: tables as makemap reads them, and lists of names.
//
// A table has one entry a line, `key white-space value`; a line that begins with # or is empty is
// none. A list of names has one on each line, up to a # or white space.
//
// STANDARDS  none; Sendmail's makemap(8) and cf/README
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost::smtp {

struct SendmailEntry {
  std::string key;
  std::string value;  // may be empty
  std::size_t line = 0;
};

std::vector<SendmailEntry> sendmail_entries(std::string_view text);
/// The same with empty values.
std::vector<SendmailEntry> sendmail_names(std::string_view text);

/// `ERROR:5.7.1:550 text`, `ERROR:"550 text"`, `error:nouser text`, `550 text`: what Sendmail tells
/// the other side.
struct SendmailError {
  int code = 550;
  std::string status;  // of the class of `code`, or empty
  std::string text;

  /// `550 5.7.1 text`, for an access table.
  std::string for_access() const;
  /// `error:5.7.1 text`, for a transport table.
  std::string for_transport() const;
};

/// What stands behind `ERROR:` or `error:`.
SendmailError parse_sendmail_error(std::string_view text);
/// Whether a value of access is three digits and a text, as old tables have it.
bool is_bare_error(std::string_view value);

/// Whether a name means an address or a network: `192.168`, `IPv6:2001:db8`.
bool is_written_as_network(std::string_view name);
/// As our tables have it: `192.168`, `2001:db8::/32`. Nothing: it is no address and no network.
std::optional<std::string> network_of(std::string_view name);

/// Without its last dot, and in lower case.
std::string domain_as_written(std::string_view name);
bool looks_like_domain(std::string_view name);

}  // namespace pennypost::smtp
