#include "common/net/unix_address.h"

#include <algorithm>

namespace pennypost {

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  constexpr std::size_t bytes_max = sizeof address.sun_path - 1;
  if (path.size() > bytes_max) {
    return Error::permanent(path + ": too long for the path of a socket; at most " +
                            std::to_string(bytes_max) + " bytes fit");
  }
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  return address;
}

}  // namespace pennypost
