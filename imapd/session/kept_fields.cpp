#include "imapd/session/kept_fields.h"

#include <algorithm>
#include <array>

#include "common/base/words.h"
#include "common/mail/header.h"

namespace pennypost::imap {
namespace {

constexpr std::array<std::string_view, 11> kept_names{
    "Date", "Subject", "From",        "Sender",     "Reply-To",  "To",
    "Cc",   "Bcc",     "In-Reply-To", "Message-ID", "References"};

}  // namespace

bool has_empty_line(std::string_view header) {
  return header == "\r\n" || header.ends_with("\r\n\r\n");
}

bool is_kept_field(std::string_view name) { return holds(kept_names, name); }

std::optional<KeptFields> KeptFields::find(store::Mailbox& mailbox, store::Uid uid) {
  auto value = mailbox.cached(uid, store::CacheItem::Header);
  // What an earlier release kept had another form, without a mark.
  if (!value || (!value->starts_with('+') && !value->starts_with('-'))) return std::nullopt;
  auto end = value->find('\n');
  if (end == std::string::npos) return std::nullopt;
  KeptFields kept;
  auto names = std::string_view(*value).substr(1, end - 1);
  for (auto name : split(names, ' ')) {
    if (!name.empty()) kept.further_names_.emplace_back(name);
  }
  kept.header_ = value->substr(end + 1);
  return kept;
}

void KeptFields::keep(store::Mailbox& mailbox, store::Uid uid, std::string_view header,
                      std::span<const std::string> names, const KeptFields* before) {
  // Of a longer one not all may be here.
  if (header.size() >= header_octets_max) return;
  auto value = value_of(header, names, before != nullptr ? before->further_names_ : Names());
  if (!value && before != nullptr) value = value_of(header, names, {});
  if (value) mailbox.cache(uid, store::CacheItem::Header, *value);
}

// Nothing if it would be too large.
std::optional<std::string> KeptFields::value_of(std::string_view header,
                                                std::span<const std::string> names, Names further) {
  for (const auto& name : names) {
    bool is_new = is_field_name(name) && !is_kept_field(name) && !holds(further, name);
    if (!is_new) continue;
    if (further.size() == further_names_max) return std::nullopt;
    further.push_back(lower(name));
  }
  std::string value(has_empty_line(header) ? "+" : "-");
  value += join(further, " ");
  value += '\n';
  for (const auto& field : HeaderFields(header)) {
    if (is_kept_field(field.name) || holds(further, field.name)) value += field.whole;
  }
  if (value.starts_with('+')) value += "\r\n";
  return value.size() <= octets_max ? std::optional(std::move(value)) : std::nullopt;
}

// What can't be a field's name, no message has.
bool KeptFields::has(std::span<const std::string> names) const {
  return std::ranges::all_of(names, [&](const std::string& name) {
    return is_kept_field(name) || !is_field_name(name) || holds(further_names_, name);
  });
}

Result<std::string> kept_fields(store::Mailbox& mailbox, store::Uid uid) {
  if (auto kept = KeptFields::find(mailbox, uid)) return kept->header();
  TRY(auto reader, mailbox.open(uid));
  TRY(auto header, reader.header(header_octets_max));
  KeptFields::keep(mailbox, uid, header);
  return header;
}

}  // namespace pennypost::imap
