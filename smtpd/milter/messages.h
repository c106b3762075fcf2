// Requests of `receive` and `queue` to `lookup` about milters.
//
// Who asks names a service and a client, never a place to connect to: `lookup` finds the milters of
// that service in the settings, so that a process in a stranger's hands reaches no other socket.
//
// SEE ALSO   desk.h (who answers)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/process/port.h"

namespace pennypost::smtp {

/// The milters for a client, by smtpd_milter_maps or else smtpd_milters.
struct FindMilters {
  static constexpr std::uint16_t type = 132;
  struct Found {
    std::vector<std::string> milters;  // as the settings write them
    template <class Archive>
    void fields(Archive& archive) {
      archive(milters);
    }
  };
  using Reply = Found;
  std::string service;
  std::string client_address;
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, client_address);
  }
};

/// Where mail to an address would go: what the macros {rcpt_mailer}, {rcpt_host} and their kin are.
struct DescribeDestination {
  static constexpr std::uint16_t type = 134;
  struct Place {
    std::string mailer;  // the transport: local, smtp, relay, error, …
    std::string host;    // the next hop, or the domain of a local address
    template <class Archive>
    void fields(Archive& archive) {
      archive(mailer, host);
    }
  };
  using Reply = Place;
  std::string address;
  template <class Archive>
  void fields(Archive& archive) {
    archive(address);
  }
};

/// A connection to one of them, which comes with the answer. Errors are temporary; their text is
/// only the cause (`Connection refused`).
struct ConnectMilter {
  static constexpr std::uint16_t type = 133;
  using Reply = Done;
  std::string service;  // from `queue` empty: one of non_smtpd_milters
  std::string client_address;
  std::uint32_t number = 0;  // from 0
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, client_address, number);
  }
};

}  // namespace pennypost::smtp
