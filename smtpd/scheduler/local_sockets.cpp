#include "smtpd/scheduler/local_sockets.h"

#include "common/net/unix_connect.h"
#include "smtpd/routing/next_hop.h"

namespace pennypost::smtp {
namespace {

std::string socket_of(const std::string& next_hop) {
  auto hop = NextHop::parse_lmtp(next_hop);
  return hop ? hop->socket : std::string();
}

}  // namespace

LocalSockets::Permit::Permit(LocalSockets& of, const Route& route) : of_(of) {
  if (route.transport != Transport::Lmtp) return;
  paths_.push_back(socket_of(route.next_hop));
  for (const auto& fallback : route.fallbacks) paths_.push_back(socket_of(fallback.next_hop));
  std::erase(paths_, "");
  of_.permitted_.insert(paths_.begin(), paths_.end());
}

LocalSockets::Permit::~Permit() {
  for (const auto& path : paths_) of_.permitted_.erase(of_.permitted_.find(path));
}

Task<Result<Descriptor>> LocalSockets::connect(std::string path, Duration limit) {
  if (!permitted_.contains(path)) {
    co_return Error::temporary("4.3.0", "no mail is on its way to this socket");
  }
  auto connecting = connect_to(std::move(path), limit);
  co_return co_await std::move(connecting);
}

Task<Result<Descriptor>> LocalSockets::connect_to(std::string path, Duration limit) {
  std::string where = path.starts_with('/') ? path : directory_ + "/" + path;
  auto connecting = connect_unix(loop_, std::move(where), limit);
  co_return co_await std::move(connecting);
}

}  // namespace pennypost::smtp
