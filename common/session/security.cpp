#include "common/session/security.h"

namespace pennypost {

bool is_same_host(const IpAddress& peer, const IpAddress& local) {
  return peer.is_loopback() || peer == local;
}

}  // namespace pennypost
