// Gives the routing of mail the settings that it has when an address is verified.
//
// The routing reads transport_maps, relayhost and their kin alone. For a verification it is given a
// copy of the configuration in which each of them has the value of its address_verify_ form.
#pragma once

#include <memory>

#include "common/config/config.h"

namespace pennypost {

/// The copy; null if all are the same.
std::shared_ptr<const Config> verify_config(const Config& config);

}  // namespace pennypost
