// Parses where a server on a known address listens: `127.0.0.1:10024`, `[::1]:10024`,
// `localhost:10024`, `10024`, each also after `inet:`.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost {

/// A port alone, and `localhost`, mean 127.0.0.1. Error: what is wrong, and what would be right.
Result<Endpoint> parse_host_port(std::string_view text);

}  // namespace pennypost
