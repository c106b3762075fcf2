// `pennypost migrate`: writes the configuration of another mail server as ours, or copies the mail
// of one of its users.
//
// SYNOPSIS
//   pennypost migrate sendmail [-c DIR] [--output DIR] DIRECTORY
//   pennypost migrate [-c DIR] [--output DIR] {postfix|dovecot} [FILE]...
//   pennypost migrate imap [-c DIR] --user LOGIN --to USER [--password-file FILE] [--port N]
//             [--starttls] [--ca-file FILE | --insecure-tls] [--folder NAME]... HOST
//
// DESCRIPTION
//   Writes main.toml and the tables that it names to the directory of --output, by default that of
//   -c, and builds them. No file is overwritten: if one of them exists, nothing is written.
//
//   sendmail reads the files of DIRECTORY, /etc/mail: sendmail.mc, access, mailertable,
//   virtusertable, domaintable, genericstable, relay-domains, local-host-names, trusted-users and
//   aliases.
//
//   postfix reads main.cf, by default /etc/postfix/main.cf, or what `postconf -n` has printed, and
//   master.cf beside it; the tables that main.cf names are copied.
//
//   dovecot reads /etc/dovecot/dovecot.conf with what it includes, or what `doveconf -nP` has
//   printed; the users of a passwd-file become own users with the same passwords. Mailboxes stay
//   where they are. Where both served a host, name both: `pennypost migrate postfix dovecot`.
//
//   What has no counterpart is listed on standard output, a line each:
//   `FILE:LINE: what stands there: what to do instead`.
//
//   imap copies what LOGIN has on the IMAP server HOST to USER here: folders, subscriptions, and
//   messages with flags, keywords and dates. Nothing changes there. It may be stopped at any time;
//   the same command goes on where it was, also after days, and takes what has come since. Nothing
//   comes twice, also where mail was brought over by other means before. The password is asked for,
//   or is the first line of --password-file, or of PENNYPOST_IMAP_PASSWORD in the environment. The
//   connection has TLS on port 993, or after STARTTLS on 143; the certificate must be valid for
//   HOST, by the authorities in --ca-file or those of the system. --insecure-tls checks no
//   certificate: whoever is on the way can read the password. --folder copies only that folder (its
//   name there), also one that shows messages of others, such as \All. Folders for Sent, Trash and
//   so on become ours for the same use. A line for each folder says how many messages were copied,
//   how many were there already, and how many were left out, which are named on standard error.
//
// DIAGNOSTICS
//   imap has the exit statuses of pennypost import; 75: the same command may be given again.
//   Of the others, exit status 0: everything is written; 1: so it is, but for what was listed; 64:
//   a wrong call; 65: a source can't be read; 73: nothing could be written.
//
// LIMITS  migrated_file_bytes_max of a source
// SEE ALSO   ../migration/sendmail.h, postfix.h and dovecot.h (what becomes what),
//            ../../imapd/admin/admin.h (which copies mail)
#include "smtpd/commands/migrate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/parameter.h"
#include "common/process/privileges.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/mailboxes.h"
#include "smtpd/commands/usage.h"
#include "smtpd/migration/dovecot.h"
#include "smtpd/migration/postfix.h"
#include "smtpd/migration/sendmail.h"
#include "store/maps/build.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t migrated_file_bytes_max = 64 << 20;
constexpr mode_t file_mode = 0644;
constexpr mode_t secret_mode = 0600;

/// A server of which to read, and its file or directory.
struct Source {
  std::string server;
  std::string path;
};
struct Call {
  std::vector<Source> sources;
  std::string output;
};

/// What `sendmail /etc/mail` or `postfix dovecot FILE` name. Nothing: that is no call.
std::vector<Source> sources_of(const std::vector<std::string>& names) {
  std::vector<Source> sources;
  for (const auto& name : names) {
    if (name == "postfix") {
      sources.push_back({name, "/etc/postfix/main.cf"});
    } else if (name == "dovecot") {
      sources.push_back({name, "/etc/dovecot/dovecot.conf"});
    } else if (name == "sendmail") {
      sources.push_back({name, ""});
    } else if (sources.empty()) {
      return {};
    } else {
      sources.back().path = name;
    }
  }
  bool has_sendmail =
      std::ranges::any_of(sources, [](const Source& one) { return one.server == "sendmail"; });
  bool is_whole = !has_sendmail || (names.size() == 2 && !sources[0].path.empty());
  return is_whole ? sources : std::vector<Source>();
}

Result<Call> parsed(std::span<const std::string> args) {
  Call call;
  LoadOptions load;
  call.output = load.directory;
  bool has_output = false;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < args.size(); ++i) {
    bool takes_directory = args[i] == "--output" || args[i] == "-c";
    if (takes_directory) {
      if (i + 1 == args.size()) {
        return Error::permanent("a directory is missing after " + args[i] + "; " +
                                std::string(usage::migrate));
      }
      bool is_output = args[i] == "--output";
      ++i;
      if (is_output || !has_output) call.output = args[i];
      has_output = has_output || is_output;
    } else if (args[i].starts_with('-')) {
      return Error::permanent("there is no option " + args[i] + "; " + std::string(usage::migrate));
    } else {
      names.push_back(args[i]);
    }
  }
  call.sources = sources_of(names);
  if (call.sources.empty()) return Error::permanent(std::string(usage::migrate));
  std::error_code problem;
  call.output = fs::absolute(call.output, problem).lexically_normal().string();
  if (call.output.size() > 1 && call.output.ends_with('/')) call.output.pop_back();
  return call;
}

Result<void> write_new(const std::string& path, std::string_view text, mode_t mode = file_mode) {
  TRY(auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  TRY_DO(write_all(file.number(), text, path));
  return sync_file(file.number(), path);
}

/// What is in the way of what will be written; empty: nothing.
std::string present_file(const Migration& made) {
  std::vector<std::string> names{"main.toml"};
  for (const auto& [name, table] : made.tables()) names.push_back(name);
  for (const auto& name : names) {
    std::string path = made.directory() + "/" + name;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 || errno != ENOENT) return path;
  }
  return "";
}

/// Gives a table of passwords, as root, to the account whose process alone reads it; where system
/// users may log in, that is root itself.
Result<void> give_to_auth(const std::string& path, const Migration& made) {
  auto row = find_parameter("auth_user");
  if (::geteuid() != 0 || made.value("system_users") == "yes" || !row) return {};
  std::string name(parameters()[*row].default_text);
  TRY(auto owner, Identity::find(name));
  if (owner && ::chown(path.c_str(), owner->uid, owner->gid) != 0) {
    return file_error("give to " + name, path);
  }
  return {};
}

Result<void> write_table(const std::string& path, const MigratedTable& table,
                         const Migration& made) {
  using Kind = MigratedTable::Kind;
  TRY_DO(write_new(path, table.text, table.kind == Kind::Secret ? secret_mode : file_mode));
  if (table.kind == Kind::Secret) {
    TRY_DO(give_to_auth(path, made));
  }
  if (table.kind == Kind::Patterns || table.kind == Kind::Names) return {};
  store::BuildOptions build;
  if (table.kind == Kind::Aliases) build.syntax = store::SourceSyntax::Aliases;
  // Of entries with one key the first counts, as for Sendmail.
  build.duplicates = store::Duplicates::Ignore;
  build.warn = [](const std::string&) {};
  TRY_DO(store::build_map(path, build));
  return {};
}

Result<void> write_all_files(const Migration& made, const std::string& main_toml) {
  std::error_code problem;
  fs::create_directories(made.directory(), problem);
  if (problem) return Error::permanent(made.directory() + ": " + problem.message());
  if (auto path = present_file(made); !path.empty()) {
    return Error::permanent(path +
                            " exists and is not overwritten; name another directory with "
                            "--output");
  }
  for (const auto& [name, table] : made.tables()) {
    TRY_DO(write_table(made.directory() + "/" + name, table, made));
  }
  // Last, since it is what makes a configuration of the directory.
  TRY_DO(write_new(made.directory() + "/main.toml", main_toml));
  return sync_directory(made.directory());
}

void list(const std::vector<Unmatched>& unmatched, std::ostream& out) {
  for (const auto& one : unmatched) {
    out << (one.place.file.empty() ? "main.toml" : one.place.file);
    if (one.place.line > 0) out << ":" << one.place.line;
    out << ": ";
    if (!one.text.empty()) out << printable(trim(one.text), 200) << ": ";
    out << printable(one.reason) << "\n";
  }
}

int fail(std::ostream& err, const Error& error, int status) {
  err << "pennypost migrate: fatal: " << error.text() << "\n";
  return status;
}

Result<void> read_sendmail_directory(const std::string& directory, Migration& made) {
  std::error_code problem;
  if (!fs::is_directory(directory, problem)) {
    return Error::permanent(directory + " is no directory; name Sendmail's, /etc/mail");
  }
  bool any = false;
  auto read = [&](const std::string& name) -> Result<std::optional<std::string>> {
    TRY(auto text, read_file(directory + "/" + name, migrated_file_bytes_max));
    any = any || text.has_value();
    return text;
  };
  TRY_DO(read_sendmail(read, made));
  if (!any) return Error::permanent(directory + " holds none of Sendmail's files");
  return {};
}

Result<std::optional<std::string>> read_path(const std::string& path) {
  return read_file(path, migrated_file_bytes_max);
}

/// The files of a directory that fit a pattern with a `*` in its last part, by name.
std::vector<std::string> list_pattern(const std::string& pattern) {
  auto slash = pattern.rfind('/');
  auto star = pattern.find('*', slash);
  std::vector<std::string> paths;
  if (slash == pattern.npos || star == pattern.npos) return paths;
  auto head = pattern.substr(slash + 1, star - slash - 1);
  auto tail = pattern.substr(star + 1);
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(pattern.substr(0, slash), problem)) {
    auto name = entry.path().filename().string();
    bool fits =
        name.size() >= head.size() + tail.size() && name.starts_with(head) && name.ends_with(tail);
    if (fits) paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

Result<void> read_source(const Source& source, Migration& made) {
  if (source.server == "sendmail") return read_sendmail_directory(source.path, made);
  if (source.server == "postfix") return read_postfix(source.path, read_path, made);
  return read_dovecot(source.path, {read_path, list_pattern}, made);
}

/// `imap` behind the options of all commands.
bool is_about_imap(std::span<const std::string> args) {
  while (args.size() > 2 && (args[0] == "-c" || args[0] == "-o")) args = args.subspan(2);
  return !args.empty() && args[0] == "imap";
}

}  // namespace

int migrate(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  if (is_about_imap(args)) return migrate_imap_command(args, out, err);
  auto call = parsed(args);
  if (!call) return fail(err, call.error(), ex_usage);
  Migration made(call->output);
  for (const auto& source : call->sources) {
    auto done = read_source(source, made);
    if (!done) return fail(err, done.error(), ex_dataerr);
  }
  auto main_toml = made.main_toml();
  auto written = write_all_files(made, main_toml);
  if (!written) return fail(err, written.error(), ex_cantcreat);
  list(made.unmatched(), out);
  err << "pennypost migrate: wrote " << made.directory() << "/main.toml and "
      << made.tables().size() << " tables; try them: pennypost check -c " << made.directory()
      << "\n";
  return made.unmatched().empty() ? 0 : 1;
}

}  // namespace pennypost::smtp
