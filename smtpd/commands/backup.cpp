// `pennypost backup`: keeps settings, users, queue and mail of this host in a directory.
//
// SYNOPSIS
//   pennypost backup [-c DIR] [--keep N] TARGET
//   pennypost backup list TARGET
//   pennypost backup verify TARGET [BACKUP]
//
// DESCRIPTION
//   backup writes the host's configuration, tables, users, keys, queue and mail into a directory of
//   TARGET named after the time, while the daemons run. A file that the last backup has already is
//   a hard link to it, so that each is whole and costs what has changed. A message that arrives
//   meanwhile is in it whole or not at all. If it is interrupted, those before it stay as they are,
//   and the next one goes on from where it was. TARGET may be on another file system, not on one
//   that has neither hard links nor owners. Indexes and logs are not kept. Of users and
//   tables in an LDAP directory or an SQL database the connection's settings are, not what is in
//   it; backup says so, and names them. Their mail is kept.
//
//   --keep N  removes older backups afterwards, so that N are left
//   list      shows the backups of TARGET that are whole, the newest last
//   verify    reads every file of the last one, or of BACKUP, and names what is not as it was
//
// DIAGNOSTICS
//   Exit status 0, or 1 if something is not in the backup, or damaged; each such file is named. 64
//   for wrong arguments, 78 for a wrong configuration.
//
// FILES
//   TARGET/last leads to the newest backup; its files are at files/ by the paths of the host
//
// SEE ALSO   ../backup/snapshot.h, pennypost-restore(8)
#include "smtpd/commands/backup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <ostream>

#include "common/base/text.h"
#include "smtpd/backup/snapshot.h"
#include "smtpd/commands/backup_arguments.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

/// A line that is written over as the work goes on; only for a person who watches.
class ProgressLine {
 public:
  explicit ProgressLine(std::ostream& err) : err_(err), is_shown_(::isatty(STDERR_FILENO) != 0) {}
  ~ProgressLine() {
    if (has_text_) err_ << "\r\033[K" << std::flush;
  }
  void show(const CopyCounts& counts) {
    auto now = std::chrono::steady_clock::now();
    if (!is_shown_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(500);
    err_ << "\r\033[K" << counts.files << " files, " << megabytes(counts.bytes_copied)
         << " copied, " << counts.linked << " as before" << std::flush;
    has_text_ = true;
  }

 private:
  std::ostream& err_;
  bool is_shown_;
  bool has_text_ = false;
  std::chrono::steady_clock::time_point next_{};
};

class BackupCommand {
 public:
  BackupCommand(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    if (!arguments_.parse(args) || arguments_.words.empty() || arguments_.words.size() > 3) {
      return wrong_call();
    }
    const auto& words = arguments_.words;
    if (words.size() == 1) return make(absolute_path(words[0]));
    if (words[0] == "list" && words.size() == 2) return report(list(words[1]));
    if (words[0] == "verify") return report(verify(words[1], words.size() == 3 ? words[2] : ""));
    return wrong_call();
  }

 private:
  int wrong_call() {
    err_ << usage::backup << "\n";
    return ex_usage;
  }

  int report(const Result<bool>& done) {
    if (done) return *done ? 0 : ex_failed;
    err_ << "pennypost backup: " << done.error().text() << "\n";
    return ex_failed;
  }

  int make(const std::string& target) {
    auto keep =
        arguments_.keep.empty() ? std::optional<std::uint64_t>(0) : parse_number(arguments_.keep);
    if (!keep || (*keep == 0 && !arguments_.keep.empty())) {
      err_ << "pennypost backup: --keep " << printable(arguments_.keep, 40)
           << ": write how many backups stay, 1 or more\n";
      return ex_usage;
    }
    auto config = load_config(arguments_.load, err_);
    return config ? report(write(config, target, *keep)) : ex_config;
  }

  Result<bool> write(const std::shared_ptr<const Config>& config, const std::string& path,
                     std::uint64_t keep) {
    TRY(auto target, BackupTarget::open_to_write(path));
    TRY(auto alone, lock_host(*config));
    ProgressLine line(err_);
    BackupJob job;
    job.config = config;
    job.config_directory = absolute_path(arguments_.load.directory);
    job.keep = keep;
    job.make_checkpoint = [&] { return make_checkpoint(config); };
    job.progress = [&](const CopyCounts& counts) { line.show(counts); };
    auto made = make_backup(target, job);
    if (!made) return std::move(made).error();
    for (const auto& warning : made->warnings) err_ << "pennypost backup: " << warning << "\n";
    for (const auto& what : made->elsewhere) out_ << "not in it: " << what << "\n";
    for (const auto& name : made->removed) out_ << name << " removed\n";
    out_ << path << "/" << made->name << ": " << made->counts.files << " files, "
         << made->counts.linked << " as in an earlier backup, "
         << megabytes(made->counts.bytes_copied) << " copied\n";
    return made->warnings.empty();
  }

  /// There is one checkpoint of the queue at a time. Nobody else may read that directory.
  static Result<Descriptor> lock_host(const Config& config) {
    std::string path = config.queue_directory + "/maildrop";
    Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::flock(directory.number(), LOCK_EX | LOCK_NB) == 0) return directory;
    return Error::temporary("another backup of this host is being made; wait for its end");
  }

  /// A queue that was never opened has nothing to keep.
  static Result<std::string> make_checkpoint(const std::shared_ptr<const Config>& config) {
    std::error_code problem;
    if (!std::filesystem::exists(config->queue_directory + "/db", problem)) return std::string();
    TRY(auto queue, QueueAccess::open(config));
    TRY_DO(queue.client().call(MakeCheckpoint{}));
    return checkpoint_directory(config->queue_directory);
  }

  Result<bool> list(const std::string& path) {
    TRY(auto target, BackupTarget::open_to_read(path));
    TRY(auto names, target.names());
    for (const auto& name : names) out_ << name << "\n";
    if (names.empty()) err_ << "pennypost backup: " << path << ": no whole backup\n";
    return !names.empty();
  }

  Result<bool> verify(const std::string& path, const std::string& name) {
    TRY(auto target, BackupTarget::open_to_read(path));
    TRY(auto directory, target.directory_of(name));
    ProgressLine line(err_);
    std::uint64_t files = 0;
    TRY(auto problems, verify_backup(directory, [&](const CopyCounts& counts) {
          files = counts.files;
          line.show(counts);
        }));
    for (const auto& problem : problems) err_ << "pennypost backup: " << problem << "\n";
    out_ << directory << ": " << files << " files, "
         << (problems.empty() ? "all as they were copied"
                              : std::to_string(problems.size()) + " damaged or missing")
         << "\n";
    return problems.empty();
  }

  std::ostream& out_;
  std::ostream& err_;
  BackupArguments arguments_;
};

}  // namespace

int backup(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return BackupCommand(out, err).run(args);
}

}  // namespace pennypost::smtp
