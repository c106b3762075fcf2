// What the files of /etc/mail say about a host, gathered before any of it is written: the macros of
// sendmail.mc, the names in Sendmail's classes, and which tables are in use.
//
// SEE ALSO   mc_file.h (the notation), sendmail.h (the whole)
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/migration/mc_file.h"
#include "smtpd/migration/migration.h"
#include "smtpd/migration/sendmail_source.h"

namespace pennypost::smtp {

/// The text of a file of the directory; nothing: it is not there. Error: it can't be read.
using ReadSource = std::function<Result<std::optional<std::string>>(const std::string& name)>;

/// A name and where it comes from.
struct SiteName {
  std::string name;
  SourcePlace place;
};

class SendmailSite {
 public:
  /// Reads sendmail.mc and the files of names. Error: one can't be read, or sendmail.mc can't be
  /// understood.
  static Result<SendmailSite> read(const ReadSource& read, Migration& migration);

  bool has_mc() const { return has_mc_; }
  const std::vector<McCall>& calls() const { return calls_; }
  /// The last FEATURE of that name; null: there is none.
  const McCall* feature(std::string_view name) const;
  bool has(std::string_view name) const { return feature(name) != nullptr; }
  /// The last definition of a macro; null: there is none.
  const McCall* definition(std::string_view name) const;
  std::string defined(std::string_view name) const;

  /// The entries of the table of a FEATURE; none if there is no such file, or if sendmail.mc does
  /// not name the feature, which is then told.
  struct Table {
    std::string file;
    std::vector<SendmailEntry> entries;
  };
  Result<Table> table(std::string_view feature, std::string_view file) const;

  /// Class w, R, M, N, E, G and VirtHost.
  enum class Class { Local, Relay, Masqueraded, NotMasqueraded, Exposed, Generic, Virtual };
  const std::vector<SiteName>& names(Class of) const;
  bool holds(Class of, std::string_view name) const;
  SourcePlace at(const McCall& call) const { return {mc_name, call.line}; }
  Result<std::optional<std::string>> file(const std::string& name) const { return read_(name); }
  Migration& migration() const { return *migration_; }

  static constexpr const char* mc_name = "sendmail.mc";

 private:
  Result<void> read_classes();
  Result<void> read_names(Class of, const std::string& file);

  ReadSource read_;
  Migration* migration_ = nullptr;
  bool has_mc_ = false;
  std::vector<McCall> calls_;
  std::map<Class, std::vector<SiteName>> names_;
};

/// The name in the directory of a file that sendmail.mc names: `hash -o /etc/mail/access.db` is
/// `access`. Empty: it is none of a file.
std::string file_in_directory(std::string_view definition);

}  // namespace pennypost::smtp
