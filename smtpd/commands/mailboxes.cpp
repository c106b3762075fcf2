#include "smtpd/commands/mailboxes.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>
#include <vector>

#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/program_path.h"

namespace pennypost::smtp {
namespace {

/// Becomes imapd's program for this command; returns only if there is none.
int become_imapd(const char* command, std::span<const std::string> args, std::ostream& out,
                 std::ostream& err) {
  out.flush();
  const std::string program = program_beside_us("imapd");
  std::vector<char*> words{const_cast<char*>("imapd"), const_cast<char*>("admin"),
                           const_cast<char*>(command)};
  for (const auto& arg : args) words.push_back(const_cast<char*>(arg.c_str()));
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  err << "pennypost " << command << ": " << program << ": " << std::strerror(errno) << "\n";
  return ex_osfile;
}

}  // namespace

int acl_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("acl", args, out, err);
}
int mailbox_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("mailbox", args, out, err);
}
int search_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("search", args, out, err);
}
int fetch_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("fetch", args, out, err);
}
int flags_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("flags", args, out, err);
}
int expunge_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("expunge", args, out, err);
}
int resync_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("force-resync", args, out, err);
}
int fts_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("fts", args, out, err);
}
int move_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("move", args, out, err);
}
int copy_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("copy", args, out, err);
}
int import_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("import", args, out, err);
}
int migrate_imap_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("migrate", args, out, err);
}
int export_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return become_imapd("export", args, out, err);
}

}  // namespace pennypost::smtp
