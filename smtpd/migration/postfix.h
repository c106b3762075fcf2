// Reads a host's Postfix configuration, main.cf and master.cf, into a Migration.
//
//   main.cf     settings: most have the same name here (postfix_settings.cpp); tables that they
//               name are copied beside main.toml (postfix_tables.cpp)
//   master.cf   ports, and the -o options of smtpd (postfix_master.cpp)
//
// main.cf may also be what `postconf -n` prints. What concerns only how Postfix works inside is
// left out without a word; whatever else has no counterpart is in Migration::unmatched().
//
// SEE ALSO   dovecot.h (the mailboxes of the same host)
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "smtpd/migration/migration.h"

namespace pennypost::smtp {

/// The text of the file with this path; nothing: there is none. Error: it can't be read.
using ReadPath = std::function<Result<std::optional<std::string>>(const std::string& path)>;

/// `name = value` of main.cf, with continuation lines joined.
struct PostfixSetting {
  std::string name;
  std::string value;
  std::size_t line = 0;
};
std::vector<PostfixSetting> postfix_settings(std::string_view text);

/// A service of master.cf with the options of its command.
struct PostfixService {
  std::string name;
  std::string type;  // inet, unix, fifo, pass
  std::string command;
  std::vector<std::pair<std::string, std::string>> options;  // of -o, in order
  std::size_t line = 0;
};
std::vector<PostfixService> postfix_services(std::string_view text);

/// Reads `main_cf`, which must exist, and master.cf beside it, if that exists.
Result<void> read_postfix(const std::string& main_cf, const ReadPath& read, Migration& migration);

/// What the parts share.
struct PostfixSite {
  std::string main_cf;
  std::string directory;  // of main_cf
  ReadPath read;
  Migration& made;
  std::map<std::string, std::string> values;  // of main.cf

  SourcePlace at(std::size_t line) const { return {main_cf, line}; }
  /// The value with those names put in that are only Postfix's or the admin's own; names that are
  /// settings here stay.
  std::string expanded(std::string_view value) const;
};
/// The value with each table of a file replaced by its copy beside main.toml. What has no
/// counterpart is told, and left out.
Result<std::string> with_copied_tables(const PostfixSite& site, const std::string& name,
                                       std::string_view value, SourcePlace place);
Result<void> read_postfix_settings(const PostfixSite& site,
                                   const std::vector<PostfixSetting>& settings);
Result<void> read_postfix_services(const PostfixSite& site, std::string_view text);
/// Sets one parameter, of the host or of `service` (smtp, submission, submissions).
Result<void> take_postfix_setting(const PostfixSite& site, std::string_view service,
                                  const PostfixSetting& setting, SourcePlace place);

}  // namespace pennypost::smtp
