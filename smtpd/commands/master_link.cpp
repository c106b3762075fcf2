#include "smtpd/commands/master_link.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/net/unix_address.h"
#include "common/process/pid_file.h"
#include "common/process/reload.h"
#include "smtpd/commands/daemons.h"

namespace pennypost::smtp {

std::vector<std::string> running_daemons(const std::string& base_dir) {
  std::vector<std::string> running;
  for (const auto& [name, services] : all_daemons()) {
    if (PidFile::running(base_dir, name)) running.push_back(name);
  }
  return running;
}

Result<Descriptor> connect_to_master(const std::string& base_dir, const std::string& daemon) {
  const std::string path = reload_socket_path(base_dir, daemon);
  TRY(auto address, unix_address(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    return socket;
  }
  bool is_forbidden = errno == EACCES || errno == EPERM;
  const std::string text = path + ": " + std::strerror(errno);
  return is_forbidden ? Error(550, text) : Error::temporary(text);
}

}  // namespace pennypost::smtp
