// Answers DNS queries from a table, for unit tests.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/dns/resolver.h"

namespace pennypost {

class TableResolver final : public Resolver {
 public:
  TableResolver& mx_record(const std::string& name, std::uint16_t preference, std::string host) {
    add(name, DnsType::Mx, MxRecord{preference, std::move(host)});
    return *this;
  }
  TableResolver& address(const std::string& name, std::string_view text) {
    auto parsed = IpAddress::parse(text);
    ASSERT(parsed);
    add(name, parsed->is_v4() ? DnsType::A : DnsType::Aaaa, *parsed);
    return *this;
  }
  TableResolver& ns_record(const std::string& name, std::string server) {
    add(name, DnsType::Ns, std::move(server));
    return *this;
  }
  TableResolver& txt_record(const std::string& name, std::string text) {
    add(name, DnsType::Txt, std::move(text));
    return *this;
  }
  TableResolver& ptr(std::string_view text, std::string name) {
    auto parsed = IpAddress::parse(text);
    ASSERT(parsed);
    add(parsed->reverse_name(), DnsType::Ptr, std::move(name));
    return *this;
  }
  TableResolver& tlsa_record(const std::string& name, TlsaRecord record) {
    add(name, DnsType::Tlsa, std::move(record));
    return *this;
  }
  /// A CNAME, which queries of all types follow.
  TableResolver& alias_record(const std::string& name, std::string target) {
    add(name, DnsType::Cname, lower(target));
    return *this;
  }
  /// Answers about this name are authentic, also that there is nothing.
  TableResolver& secure(const std::string& name) {
    secure_[lower(name)] = true;
    return *this;
  }
  /// The name exists, but has no records of other types.
  TableResolver& no_data(const std::string& name) {
    exists_[lower(name)] = true;
    return *this;
  }
  TableResolver& try_later(const std::string& name, DnsType type) {
    answers_[{lower(name), type}] = DnsReply(DnsStatus::TryLater, "Host not found, try again");
    return *this;
  }
  /// Simulates a server that is wrong only about this type (RFC 4074 section 4.2).
  TableResolver& no_such_name(const std::string& name, DnsType type) {
    answers_[{lower(name), type}] = DnsReply(DnsStatus::NoSuchName, "Host not found");
    return *this;
  }
  TableResolver& host(const std::string& name, std::string_view text) {
    auto parsed = IpAddress::parse(text);
    ASSERT(parsed);
    hosts_.emplace(lower(name), *parsed);
    return *this;
  }

  Task<DnsReply> query(std::string name, DnsType type) override {
    std::string plain = lower(name);
    bool is_secure = true;
    std::string canonical;
    auto alias = answers_.find({plain, DnsType::Cname});
    while (alias != answers_.end() && type != DnsType::Cname) {
      is_secure = is_secure && secure_.contains(plain);
      plain = canonical = std::get<std::string>(alias->second.records.front());
      alias = answers_.find({plain, DnsType::Cname});
    }
    DnsReply reply(DnsStatus::NoSuchName, "Host not found");
    auto found = answers_.find({plain, type});
    if (found != answers_.end()) {
      reply = found->second;
    } else if (exists_.contains(plain)) {
      reply = DnsReply(DnsStatus::NoData, "no data");
    }
    reply.is_authentic = is_secure && secure_.contains(plain);
    reply.canonical = canonical;
    co_return std::move(reply);
  }
  std::vector<IpAddress> hosts_addresses(const std::string& name) const override {
    std::vector<IpAddress> found;
    auto [first, last] = hosts_.equal_range(lower(name));
    for (; first != last; ++first) found.push_back(first->second);
    return found;
  }
  std::string hosts_name(const IpAddress& address) const override {
    for (const auto& [name, known] : hosts_) {
      if (known == address) return name;
    }
    return {};
  }

 private:
  void add(const std::string& name, DnsType type, DnsData data) {
    auto& reply = answers_[{lower(name), type}];
    reply.status = DnsStatus::Found;
    reply.records.push_back(std::move(data));
    exists_[lower(name)] = true;
  }
  std::map<std::pair<std::string, DnsType>, DnsReply> answers_;
  std::map<std::string, bool> exists_;
  std::map<std::string, bool> secure_;
  std::multimap<std::string, IpAddress> hosts_;
};

}  // namespace pennypost
