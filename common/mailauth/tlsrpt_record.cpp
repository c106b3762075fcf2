#include "common/mailauth/tlsrpt_record.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/mailauth/tag_list.h"

namespace pennypost {
namespace {

constexpr std::string_view version = "TLSRPTv1";

/// RFC 8460 section 3: a record that does not begin with the version is none.
bool is_record(std::string_view text) {
  if (!text.starts_with("v=")) return false;
  text.remove_prefix(2);
  if (!text.starts_with(version)) return false;
  text = trim(text.substr(version.size()));
  return text.empty() || text.front() == ';';
}

template <class T>
void add_once(std::vector<T>& to, T one) {
  if (std::ranges::find(to, one) == to.end()) to.push_back(std::move(one));
}

}  // namespace

std::optional<std::vector<std::string>> tlsrpt_uris(const std::vector<std::string>& records) {
  if (std::ranges::count_if(records, is_record) != 1) return {};
  auto list = TagList::parse(*std::ranges::find_if(records, is_record));
  auto rua = list ? list->value("rua") : std::nullopt;
  if (!rua) return {};
  std::vector<std::string> uris;
  for (auto uri : split(*rua, ',')) {
    uri = trim(uri);
    bool is_known = starts_with_nocase(uri, "mailto:") || starts_with_nocase(uri, "https:");
    if (is_known && uris.size() < tlsrpt_uris_max) uris.emplace_back(uri);
  }
  if (uris.empty()) return {};
  return uris;
}

Task<Result<TlsrptTargets>> tlsrpt_targets(Loop& loop, Resolver& resolver, std::string domain,
                                           Duration time_max) {
  TlsrptTargets targets;
  std::string name = "_smtp._tls." + std::move(domain);
  if (name.size() > dns_name_bytes_max) co_return targets;
  auto asking = resolver.txt(name);
  auto answer = co_await within(loop, time_max, std::move(asking));
  if (!answer) co_return Error::temporary("4.4.3", "no answer from DNS in time");
  if (answer->status == DnsStatus::TryLater) {
    co_return Error::temporary("4.4.3", "no answer from DNS about " + name + ": " + answer->reason);
  }
  auto uris = tlsrpt_uris(answer->values);
  if (!uris) co_return targets;
  for (auto& uri : *uris) {
    if (parse_https_uri(uri)) {
      add_once(targets.web, std::move(uri));
    } else if (auto target = parse_report_uri(uri)) {
      add_once(targets.addresses, *std::move(target));
    }
  }
  co_return targets;
}

}  // namespace pennypost
