#include "common/config/verify_settings.h"

#include <tuple>

namespace pennypost {
namespace {

auto of_mail(Settings& settings) {
  return std::tie(settings.default_transport, settings.local_transport, settings.relay_transport,
                  settings.relayhost, settings.sender_dependent_default_transport_maps,
                  settings.sender_dependent_relayhost_maps, settings.transport_maps,
                  settings.virtual_transport);
}

auto of_verification(const Settings& settings) {
  return std::tie(
      settings.address_verify_default_transport, settings.address_verify_local_transport,
      settings.address_verify_relay_transport, settings.address_verify_relayhost,
      settings.address_verify_sender_dependent_default_transport_maps,
      settings.address_verify_sender_dependent_relayhost_maps,
      settings.address_verify_transport_maps, settings.address_verify_virtual_transport);
}

}  // namespace

std::shared_ptr<const Config> verify_config(const Config& config) {
  auto copy = std::make_shared<Config>(config);
  if (of_mail(*copy) == of_verification(config)) return nullptr;
  of_mail(*copy) = of_verification(config);
  return copy;
}

}  // namespace pennypost
