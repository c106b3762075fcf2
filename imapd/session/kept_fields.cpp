#include "imapd/session/kept_fields.h"

#include <array>

#include "common/base/words.h"
#include "common/mail/header.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t kept_octets_max = 16 << 10;
constexpr std::array<std::string_view, 11> kept_names{
    "Date", "Subject", "From",        "Sender",     "Reply-To",  "To",
    "Cc",   "Bcc",     "In-Reply-To", "Message-ID", "References"};

}  // namespace

bool is_kept_field(std::string_view name) { return holds(kept_names, name); }

std::optional<std::string> find_kept_fields(store::Mailbox& mailbox, store::Uid uid) {
  return mailbox.cached(uid, store::CacheItem::Header);
}

void keep_fields(store::Mailbox& mailbox, store::Uid uid, std::string_view header) {
  std::string kept;
  for (const auto& field : HeaderFields(header)) {
    if (is_kept_field(field.name)) kept += field.whole;
  }
  if (kept.size() > kept_octets_max) return;
  mailbox.cache(uid, store::CacheItem::Header, kept + "\r\n");
}

Result<std::string> kept_fields(store::Mailbox& mailbox, store::Uid uid) {
  if (auto kept = find_kept_fields(mailbox, uid)) return *std::move(kept);
  TRY(auto reader, mailbox.open(uid));
  TRY(auto header, reader.header(header_octets_max));
  keep_fields(mailbox, uid, header);
  return header;
}

}  // namespace pennypost::imap
