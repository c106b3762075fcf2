#include "smtpd/routing/router_host.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "smtpd/routing/domains.h"

namespace pennypost::smtp {
namespace {

std::optional<std::string> name_of_user(std::uint32_t uid) {
  std::array<char, 65536> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return std::string(entry.pw_name);
}

}  // namespace

RouterHost RouterHost::of_system(const Config& config) {
  RouterHost host;
  host.own_addresses = smtp::own_addresses(config);
  host.file_owner = [](const std::string& path) -> std::optional<std::uint32_t> {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return status.st_uid;
  };
  auto bytes_max = config.dot_forward_bytes_max;
  host.own_uid = ::geteuid();
  host.read_list = [bytes_max, own_uid = host.own_uid](const std::string& path) {
    return read_list_of_admin(path, own_uid, bytes_max);
  };
  host.user_name = name_of_user;
  return host;
}

}  // namespace pennypost::smtp
