#include "common/mailauth/dmarc_record.h"

#include <algorithm>
#include <map>

#include "common/base/text.h"

namespace pennypost {
namespace {

using Tags = std::map<std::string, std::string_view, std::less<>>;

/// The tags in front of and behind the first `=`; nothing if there is none.
std::optional<std::pair<std::string, std::string_view>> tag_of(std::string_view part) {
  auto equals = part.find('=');
  if (equals == part.npos) return {};
  return std::pair(lower(trim(part.substr(0, equals))), trim(part.substr(equals + 1)));
}

/// Of a tag that is there twice the first counts.
Tags tags_of(std::string_view text) {
  Tags tags;
  for (auto part : split(text, ';')) {
    if (auto tag = tag_of(part)) tags.insert(*std::move(tag));
  }
  return tags;
}

std::string_view value_of(const Tags& tags, std::string_view name) {
  auto found = tags.find(name);
  return found == tags.end() ? std::string_view() : found->second;
}

std::optional<DmarcPolicy> policy_of(std::string_view text) {
  for (auto policy : {DmarcPolicy::None, DmarcPolicy::Quarantine, DmarcPolicy::Reject}) {
    if (equal_nocase(text, name_of(policy))) return policy;
  }
  return {};
}

/// `scheme:rest`, without octets that can't be in a URI.
bool is_uri(std::string_view text) {
  auto colon = text.find(':');
  if (colon == text.npos || colon == 0 || colon + 1 == text.size() || !is_alpha(text.front())) {
    return false;
  }
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::vector<std::string> uris_of(std::string_view text) {
  std::vector<std::string> uris;
  for (auto part : split(text, ',')) {
    if (uris.size() < dmarc_uris_max && is_uri(trim(part))) uris.emplace_back(trim(part));
  }
  return uris;
}

template <class Number>
Number number_of(const Tags& tags, std::string_view name, std::uint64_t most, Number otherwise) {
  auto value = parse_number(value_of(tags, name));
  return value && *value <= most ? static_cast<Number>(*value) : otherwise;
}

}  // namespace

std::string_view name_of(DmarcPolicy policy) {
  switch (policy) {
    case DmarcPolicy::None:
      return "none";
    case DmarcPolicy::Quarantine:
      return "quarantine";
    case DmarcPolicy::Reject:
      return "reject";
  }
  return "?";
}

bool DmarcRecord::is_one(std::string_view text) {
  auto first = tag_of(text.substr(0, text.find(';')));
  return first && first->first == "v" && first->second == "DMARC1";
}

Result<DmarcRecord> DmarcRecord::parse(std::string_view text) {
  if (!is_one(text)) return Error::permanent("not a DMARC record");
  if (text.size() > dmarc_record_bytes_max) {
    return Error::permanent("a DMARC record of more than " +
                            std::to_string(dmarc_record_bytes_max) + " octets");
  }
  auto tags = tags_of(text);
  DmarcRecord record;
  record.aggregate_uris = uris_of(value_of(tags, "rua"));
  record.failure_uris = uris_of(value_of(tags, "ruf"));
  auto policy = policy_of(value_of(tags, "p"));
  record.subdomains = policy_of(value_of(tags, "sp"));
  record.nonexistent = policy_of(value_of(tags, "np"));
  // RFC 7489 section 6.6.3: a domain that asks for reports gets them, with the policy `none`.
  if (!policy || (tags.contains("sp") && !record.subdomains)) {
    if (record.aggregate_uris.empty()) {
      return Error::permanent("a DMARC record without a valid p= and sp=");
    }
    record.subdomains.reset();
    record.nonexistent.reset();
    policy = DmarcPolicy::None;
  }
  record.policy = *policy;
  record.strict_dkim = equal_nocase(value_of(tags, "adkim"), "s");
  record.strict_spf = equal_nocase(value_of(tags, "aspf"), "s");
  record.percent = number_of(tags, "pct", 100, 100);
  record.is_testing = equal_nocase(value_of(tags, "t"), "y");
  auto suffix = value_of(tags, "psd");
  if (equal_nocase(suffix, "y")) record.suffix = DmarcSuffix::Yes;
  if (equal_nocase(suffix, "n")) record.suffix = DmarcSuffix::No;
  if (!value_of(tags, "fo").empty()) record.failure_options = lower(value_of(tags, "fo"));
  record.interval_seconds = number_of(tags, "ri", UINT32_MAX, record.interval_seconds);
  return record;
}

}  // namespace pennypost
