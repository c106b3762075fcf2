// Represents DNS records, and the four possible outcomes of a query.
//
// STANDARDS  RFC 1035, RFC 2308 (no such name is not no data), RFC 3596 (AAAA), RFC 6698 (TLSA),
//            RFC 7505 (null MX)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/net/address.h"

namespace pennypost {

enum class DnsType : std::uint16_t {
  A = 1,
  Ns = 2,
  Cname = 5,
  Soa = 6,
  Ptr = 12,
  Mx = 15,
  Txt = 16,
  Aaaa = 28,
  Tlsa = 52,
};
/// `MX`, `AAAA`, ...
std::string_view name_of(DnsType type);

/// TryLater (SERVFAIL, a timeout, no server answers) must never be taken for "there is none".
enum class DnsStatus : std::uint8_t { Found, NoSuchName, NoData, TryLater };

/// RFC 5321 section 5.1. An empty host means `.`, the null MX of RFC 7505.
struct MxRecord {
  std::uint16_t preference = 0;
  std::string host;
  friend bool operator==(const MxRecord&, const MxRecord&) = default;
};

/// RFC 6698 section 2.1.
struct TlsaRecord {
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching = 0;
  std::string data;
  friend bool operator==(const TlsaRecord&, const TlsaRecord&) = default;
};

/// A and AAAA: an address; MX; TLSA; PTR, NS and CNAME: a name; TXT: its strings joined.
using DnsData = std::variant<IpAddress, MxRecord, TlsaRecord, std::string>;

/// The answer to one question; all `records` have the requested type, and CNAMEs are followed.
class DnsReply {
 public:
  DnsReply() = default;
  explicit DnsReply(DnsStatus with, std::string why = {}) : status(with), reason(std::move(why)) {}

  DnsStatus status = DnsStatus::TryLater;
  std::vector<DnsData> records;
  bool is_authentic = false;      // the AD bit: the server has validated DNSSEC
  std::uint32_t ttl_seconds = 0;  // how long it may be cached, also if negative
  std::string canonical;          // the name that CNAMEs lead to, in lower case; empty: itself
  std::string reason;             // for the log, unless Found
};

/// The same for one type of value.
template <class T>
class DnsAnswer {
 public:
  DnsAnswer() = default;
  explicit DnsAnswer(DnsStatus with, std::string why = {}) : status(with), reason(std::move(why)) {}
  explicit DnsAnswer(DnsReply reply)
      : status(reply.status),
        is_authentic(reply.is_authentic),
        canonical(std::move(reply.canonical)),
        reason(std::move(reply.reason)) {
    for (auto& record : reply.records) {
      if (T* value = std::get_if<T>(&record)) values.push_back(std::move(*value));
    }
  }

  bool is_found() const { return status == DnsStatus::Found; }

  DnsStatus status = DnsStatus::TryLater;
  std::vector<T> values;  // not empty when Found
  bool is_authentic = false;
  std::string canonical;  // as in DnsReply
  std::string reason;
};

}  // namespace pennypost
