// `pennypost restore`: brings back a backup of a host, or mail of one user from it.
//
// SYNOPSIS
//   pennypost restore [-c DIR] [--backup NAME] [--root DIR] [--overwrite] TARGET
//   pennypost restore [-c DIR] [--backup NAME] --user USER [--folder FOLDER] TARGET
//
// DESCRIPTION
//   restore brings back the last backup, or the one of --backup. The daemons must be stopped; then:
//   pennypost check, pennypost start. Owners are found by name. Files that are there and differ
//   stop it, unless --overwrite says that they may be replaced. Mail that was in the queue is sent
//   again, even if it left after the backup was made.
//
//   --root DIR       puts everything below DIR
//   --user USER      brings back the mail of one user instead, while the daemons run. A folder that
//                    is missing comes back with its UIDs, and clients know it again; into another
//                    come the messages that it lacks. The user must exist here.
//   --folder FOLDER  one folder of it, as IMAP names it
//
// DIAGNOSTICS
//   Exit status 0, or 1 if something could not be restored, which is named. 64 for wrong arguments.
//
// SEE ALSO   ../backup/restore.h, pennypost-backup(8)
#include "smtpd/commands/restore.h"

#include <ostream>

#include "common/base/text.h"
#include "common/process/pid_file.h"
#include "smtpd/backup/places.h"
#include "smtpd/backup/restore.h"
#include "smtpd/backup/snapshot.h"
#include "smtpd/commands/backup_arguments.h"
#include "smtpd/commands/daemons.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/usage.h"
#include "store/accounts/accounts.h"

namespace pennypost::smtp {
namespace {

class RestoreCommand {
 public:
  RestoreCommand(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    bool is_right =
        arguments_.parse(args) && arguments_.words.size() == 1 &&
        (arguments_.user.empty() || (arguments_.root.empty() && !arguments_.overwrites));
    if (!is_right) {
      err_ << usage::restore << "\n";
      return ex_usage;
    }
    auto done = work();
    if (!done) {
      err_ << "pennypost restore: " << done.error().text() << "\n";
      return ex_failed;
    }
    for (const auto& warning : done->warnings) err_ << "pennypost restore: " << warning << "\n";
    out_ << job_.directory << ": " << done->files << " files restored, " << megabytes(done->bytes)
         << "; " << done->kept << " were there\n";
    return 0;
  }

 private:
  Result<RestoreDone> work() {
    TRY(auto target, BackupTarget::open_to_read(arguments_.words[0]));
    TRY(job_.directory, target.directory_of(arguments_.name));
    TRY(auto manifest, Manifest::read(job_.directory + std::string(backup_manifest)));
    if (!manifest.is_complete) return Error::permanent(job_.directory + ": the list has no end");
    if (!arguments_.user.empty()) return restore_user(manifest);
    if (!arguments_.root.empty()) job_.root = absolute_path(arguments_.root);
    if (job_.root == "/") job_.root.clear();
    job_.overwrites = arguments_.overwrites;
    for (const auto& daemon : all_daemons()) {
      if (!PidFile::running(job_.root + manifest.host.base_dir, daemon.name)) continue;
      return Error::permanent(daemon.name + " runs, and what is replaced under it is lost; " +
                              "pennypost stop first, or restore one user with --user");
    }
    return restore_host(job_, manifest);
  }

  Result<RestoreDone> restore_user(const Manifest& manifest) {
    const BackupAccount* kept = nullptr;
    TRY(auto config, Config::load(arguments_.load));
    TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
    TRY(auto account, accounts.by_login(arguments_.user));
    std::string name = account ? account->name : arguments_.user;
    for (const auto& one : manifest.host.accounts) {
      if (one.name == name) kept = &one;
    }
    if (kept == nullptr) return Error::permanent("the backup has no user " + printable(name, 320));
    if (!account) {
      return Error::permanent("there is no user " + name + " here; pennypost user add " + name +
                              ", then restore");
    }
    TRY(auto place, mail_place(*account));
    return restore_mail(job_, manifest, *config, *kept, place, arguments_.folder);
  }

  std::ostream& out_;
  std::ostream& err_;
  BackupArguments arguments_;
  RestoreJob job_;
};

}  // namespace

int restore(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return RestoreCommand(out, err).run(args);
}

}  // namespace pennypost::smtp
