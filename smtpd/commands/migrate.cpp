// `pennypost migrate`: writes the configuration of another mail server as ours.
//
// SYNOPSIS
//   pennypost migrate sendmail [-c DIR] [--output DIR] DIRECTORY
//
// DESCRIPTION
//   Reads the files of DIRECTORY, /etc/mail: sendmail.mc, access, mailertable, virtusertable,
//   domaintable, genericstable, relay-domains, local-host-names, trusted-users and aliases. Writes
//   main.toml and the tables that it names to the directory of --output, by default that of -c, and
//   builds them. No file is overwritten: if one of them exists, nothing is written.
//
//   What has no counterpart is listed on standard output, a line each:
//   `FILE:LINE: what stands there: what to do instead`.
//
// DIAGNOSTICS
//   Exit status 0: everything is written; 1: so it is, but for what was listed; 64: a wrong call;
//   65: a source can't be read; 73: nothing could be written.
//
// LIMITS  migrated_file_bytes_max of a source
// SEE ALSO   ../migration/sendmail.h (what becomes what)
#include "smtpd/commands/migrate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/usage.h"
#include "smtpd/migration/sendmail.h"
#include "store/maps/build.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t migrated_file_bytes_max = 64 << 20;
constexpr mode_t file_mode = 0644;

struct Call {
  std::string source;
  std::string output;
};

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
  if (names.size() != 2 || names[0] != "sendmail") {
    return Error::permanent(std::string(usage::migrate));
  }
  std::error_code problem;
  call.source = names[1];
  call.output = fs::absolute(call.output, problem).lexically_normal().string();
  if (call.output.size() > 1 && call.output.ends_with('/')) call.output.pop_back();
  return call;
}

Result<void> write_new(const std::string& path, std::string_view text) {
  TRY(auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, file_mode));
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

Result<void> write_table(const std::string& path, const MigratedTable& table) {
  TRY_DO(write_new(path, table.text));
  using Kind = MigratedTable::Kind;
  if (table.kind != Kind::Hash && table.kind != Kind::Aliases) return {};
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
    TRY_DO(write_table(made.directory() + "/" + name, table));
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

}  // namespace

int migrate(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parsed(args);
  if (!call) return fail(err, call.error(), ex_usage);
  std::error_code problem;
  if (!fs::is_directory(call->source, problem)) {
    return fail(err,
                Error::permanent(call->source + " is no directory; name Sendmail's, /etc/mail"),
                ex_dataerr);
  }
  Migration made(call->output);
  bool any = false;
  auto read = [&](const std::string& name) -> Result<std::optional<std::string>> {
    TRY(auto text, read_file(call->source + "/" + name, migrated_file_bytes_max));
    any = any || text.has_value();
    return text;
  };
  auto done = read_sendmail(read, made);
  if (!done) return fail(err, done.error(), ex_dataerr);
  if (!any) {
    return fail(err, Error::permanent(call->source + " holds none of Sendmail's files"),
                ex_dataerr);
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
