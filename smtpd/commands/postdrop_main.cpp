// postdrop(1): writes a message of a local program to a file in maildrop, where the queue finds it.
//
// SYNOPSIS
//   postdrop [-c DIR] < DROP-FILE
//
// DESCRIPTION
//   Run by sendmail while smtpd is stopped. It is set-group-id to `setgid_group`, the group that
//   may add files to QUEUE_DIRECTORY/maildrop (mode 1730), and uses that right for nothing else: it
//   checks standard input, writes it to a new file, syncs it and gives it its name; then it tells
//   the queue. Run set-group-id by anybody but root, it refuses -c, since a stranger could then
//   choose where it writes. In a server that an ordinary user runs, the directory is his own and
//   the group does not matter.
//
// DIAGNOSTICS
//   0: stored and synced. 64: wrong arguments. 65: not a drop file, or too large. 75: not stored.
//   77: the user may not send mail (authorized_submit_users). 78: no usable configuration.
//
// SEE ALSO   ../pickup/drop_file.h (the format), sendmail_main.cpp
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/own_file.h"
#include "common/base/safe_open.h"
#include "common/config/config.h"
#include "common/config/user_list.h"
#include "common/mail/mime.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/usage.h"
#include "smtpd/pickup/control.h"
#include "smtpd/pickup/drop_file.h"
#include "smtpd/queue/directories.h"
#include "smtpd/queue/queue_id.h"

namespace {

using namespace pennypost;        // NOLINT: a program
using namespace pennypost::smtp;  // NOLINT

int say(int status, const std::string& text) {
  std::fprintf(stderr, "postdrop: fatal: %s\n", text.c_str());
  return status;
}

int say_errno(const std::string& what) {
  return say(ex_tempfail, what + ": " + std::strerror(errno));
}

/// A file with a temporary name, which is removed unless it is kept.
struct NewFile {
  ~NewFile() {
    if (!is_kept && descriptor) ::unlinkat(directory, name.c_str(), 0);
  }
  int directory;
  std::string name;
  Descriptor descriptor;
  bool is_kept = false;
};

/// As root or with setgid_group, follows no link that mail_owner may have put there, since that
/// could make us write where he may not.
Descriptor open_maildrop(const std::string& queue, const std::string& maildrop) {
  constexpr int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  bool is_privileged = ::geteuid() == 0 || ::getegid() != ::getgid();
  if (!is_privileged) return Descriptor(::open(maildrop.c_str(), flags));
  auto directory = open_trusted(queue, {}, flags);
  return directory ? open_beneath(directory.number(), "maildrop", flags) : Descriptor();
}

/// authorized_submit_users, as far as it names users: tables are not opened here, and whom they
/// decide about is asked when the queue takes the file.
bool may_submit(const Config& config) {
  if (admits_everybody(config.authorized_submit_users)) return true;
  const passwd* user = ::getpwuid(::getuid());
  std::string name = user != nullptr ? user->pw_name : "unknown";
  auto later = [](const TableRef&, std::string_view) -> Result<bool> {
    return Error::temporary("no table is opened here");
  };
  auto is_listed = is_listed_user(config.authorized_submit_users, name, later);
  if (!is_listed || *is_listed) return true;
  say(ex_noperm, right_refused(LocalRight::Submit, name, ::getuid()));
  return false;
}

int store(const Config& config) {
  std::string maildrop = config.queue_directory + "/maildrop";
  // For an ordinary user's queue before smtpd was ever started; otherwise this changes nothing.
  if (::getegid() == ::getgid() && ::access(maildrop.c_str(), F_OK) != 0) {
    [[maybe_unused]] auto prepared = prepare_queue_directories(config);
  }
  auto directory = open_maildrop(config.queue_directory, maildrop);
  if (!directory) return say(ex_tempfail, describe_refusal(maildrop, errno));
  std::string id = make_queue_id().value();
  NewFile file{directory.number(), "new." + id, {}};
  file.descriptor = Descriptor(
      ::openat(file.directory, file.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.descriptor) return say_errno(maildrop + "/" + file.name);

  // The head shows whether this is a drop file; the rest is copied without checks.
  auto bytes = read_up_to(STDIN_FILENO, submission_bytes_max + 64, "standard input");
  if (!bytes) return say(ex_tempfail, bytes.error().text());
  auto head = parse_drop_head(*bytes);
  if (!head) return say(ex_dataerr, head.error().text());
  // Counted with CRLF, as in RFC 1870 section 5; a CRLF that is split between two reads only makes
  // the count wrong by one octet.
  std::uint64_t octets = crlf_octets(std::string_view(*bytes).substr(head->bytes));
  while (!bytes->empty()) {
    if (!config.message_size_limit.allows(octets)) {
      return say(ex_dataerr, "the message is too large");
    }
    auto written = write_all(file.descriptor.number(), *bytes, maildrop);
    if (!written) return say(ex_tempfail, written.error().text());
    bytes = read_up_to(STDIN_FILENO, 1 << 20, "standard input");
    if (!bytes) return say(ex_tempfail, bytes.error().text());
    octets += crlf_octets(*bytes);
  }
  if (::fchmod(file.descriptor.number(), 0644) != 0 || ::fsync(file.descriptor.number()) != 0 ||
      ::renameat(file.directory, file.name.c_str(), file.directory, id.c_str()) != 0) {
    return say_errno(maildrop);
  }
  file.is_kept = true;
  // Make the name survive, too: a directory that we can't read is synced with its file system.
  Descriptor readable(::openat(file.directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int synced = readable ? ::fsync(readable.number()) : ::syncfs(file.descriptor.number());
  if (synced != 0) return say_errno(maildrop);
  if (auto queue = QueueClient::connect(config.queue_directory)) {
    // The queue also scans the directory from time to time; this makes it do so now.
    [[maybe_unused]] auto posted = queue->post(Pickup::type);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(022);
  LoadOptions options;
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    std::printf("%s\n", usage::postdrop.data());
    return 0;
  }
  for (int option = 0; (option = ::getopt(argc, argv, "c:rv")) != -1;) {
    if (option == '?') return say(ex_usage, std::string(usage::postdrop));
    if (option != 'c') continue;
    bool is_privileged = ::getgid() != ::getegid() || ::getuid() != ::geteuid();
    if (is_privileged && ::getuid() != 0) return say(ex_usage, "only root may use -c");
    options.directory = optarg;
  }
  if (optind != argc) return say(ex_usage, "no arguments are accepted");
  auto config = Config::load(options);
  if (!config) return say(ex_config, config.error().text());
  if (!may_submit(**config)) return ex_noperm;
  return store(**config);
}
