#include "common/mailauth/report_targets.h"

#include <algorithm>
#include <utility>

#include "common/base/percent.h"
#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/mail/address.h"
#include "common/mail/public_suffix.h"
#include "common/mailauth/dmarc_record.h"

namespace pennypost {
namespace {

/// RFC 7489 section 6.2: a number, and k, m, g or t; nothing if it is not of this form.
std::optional<std::uint64_t> size_of(std::string_view text) {
  constexpr std::string_view units = "kmgt";
  int shift = 0;
  auto unit = text.empty() ? units.npos : units.find(to_lower(text.back()));
  if (unit != units.npos) {
    shift = 10 * static_cast<int>(unit + 1);
    text.remove_suffix(1);
  }
  auto number = parse_number(text);
  if (!number || *number > (std::uint64_t{1} << 62) >> shift) return {};
  return *number << shift;
}

std::string host_of_address(const std::string& address) {
  return lower(address.substr(address.rfind('@') + 1));
}

class TargetSearch {
 public:
  TargetSearch(Resolver& resolver, std::string domain)
      : resolver_(resolver), domain_(std::move(domain)) {}

  Task<Result<std::vector<ReportTarget>>> run() {
    std::vector<ReportTarget> targets;
    CO_TRY(auto texts, co_await records_at("_dmarc." + domain_));
    if (texts.size() != 1) co_return targets;
    auto record = DmarcRecord::parse(texts.front());
    if (!record) co_return targets;
    for (const auto& uri : record->aggregate_uris) {
      auto target = parse_report_uri(uri);
      if (!target) continue;
      CO_TRY(bool is_wanted, co_await is_wanted_at(*target));
      if (is_wanted && std::ranges::find(targets, *target) == targets.end()) {
        targets.push_back(*std::move(target));
      }
    }
    co_return targets;
  }

 private:
  Task<Result<std::vector<std::string>>> records_at(std::string name) {
    std::vector<std::string> texts;
    if (name.size() > dns_name_bytes_max) co_return texts;
    auto answer = co_await resolver_.txt(name);
    if (answer.status == DnsStatus::TryLater) {
      co_return Error::temporary("4.4.3",
                                 "no answer from DNS about " + name + ": " + answer.reason);
    }
    for (auto& text : answer.values) {
      if (DmarcRecord::is_one(text)) texts.push_back(std::move(text));
    }
    co_return texts;
  }

  /// RFC 7489 section 7.1. The record there may name another address of the same host.
  Task<Result<bool>> is_wanted_at(ReportTarget& target) {
    auto host = host_of_address(target.address);
    if (organizational_domain(host) == organizational_domain(domain_)) co_return true;
    CO_TRY(auto texts, co_await records_at(domain_ + "._report._dmarc." + host));
    if (texts.empty()) co_return false;
    auto record = DmarcRecord::parse(texts.front());
    if (!record || record->aggregate_uris.empty()) co_return true;
    auto other = parse_report_uri(record->aggregate_uris.front());
    if (other && host_of_address(other->address) == host) target = *std::move(other);
    co_return true;
  }

  Resolver& resolver_;
  const std::string domain_;
};

}  // namespace

std::optional<ReportTarget> parse_report_uri(std::string_view uri) {
  constexpr std::string_view scheme = "mailto:";
  if (!starts_with_nocase(uri, scheme)) return {};
  uri.remove_prefix(scheme.size());
  ReportTarget target;
  if (auto mark = uri.rfind('!'); mark != uri.npos) {
    auto size = size_of(uri.substr(mark + 1));
    if (!size) return {};
    target.bytes_max = *size;
    uri = uri.substr(0, mark);
  }
  auto text = percent_decode(uri.substr(0, uri.find('?')));
  if (!text) return {};
  auto address = MailAddress::parse(*text);
  if (!address || !address->domain() || address->domain()->is_literal()) return {};
  target.address = address->text();
  return target;
}

Task<Result<std::vector<ReportTarget>>> report_targets(Loop& loop, Resolver& resolver,
                                                       std::string domain, Duration time_max) {
  TargetSearch search(resolver, std::move(domain));
  auto searching = search.run();
  auto found = co_await within(loop, time_max, std::move(searching));
  if (!found) co_return Error::temporary("4.4.3", "no answer from DNS in time");
  co_return *std::move(found);
}

}  // namespace pennypost
