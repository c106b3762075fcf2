#include "imapd/command/url_source.h"

#include <algorithm>

namespace pennypost::imap {
namespace {

FetchRequest request_for(const Section& section) {
  FetchRequest request;
  FetchItem item;
  item.kind = FetchItem::Kind::Section;
  item.section = section;
  request.items.push_back(std::move(item));
  return request;
}

}  // namespace

// The selected mailbox, or another one as it is now.
Result<store::Mailbox*> UrlSource::mailbox_of(const MessageUrl& url, std::string_view text) {
  auto* selected = context_.selected();
  if (!url.mailbox) {
    if (selected == nullptr) return bad_url(text, "no mailbox is selected");
    return &selected->mailbox();
  }
  auto name = context_.store().parse_name(*url.mailbox);
  if (!name) return bad_url(text, "no mailbox can have that name");
  if (selected != nullptr && selected->mailbox().name() == *name) return &selected->mailbox();
  if (!other_ || other_->name() != *name) {
    auto opened = context_.store().open(*name, store::Access::ReadOnly);
    if (!opened && opened.error().is_temporary()) return std::move(opened).error();
    if (!opened) return bad_url(text, "there is no such mailbox");
    other_ = *std::move(opened);
  }
  return other_.get();
}

Result<void> UrlSource::open(std::string_view url) {
  message_.reset();
  fields_.reset();
  TRY(auto parsed, parse_message_url(url, context_.limits()));
  TRY(auto* mailbox, mailbox_of(parsed, url));
  if (parsed.uid_validity && *parsed.uid_validity != mailbox->uid_validity()) {
    return bad_url(url, "the mailbox has another UIDVALIDITY");
  }
  const auto* found = mailbox->find(store::Uid(parsed.uid));
  if (found == nullptr) return bad_url(url, "there is no such message");
  message_.emplace(*mailbox, *found, work_octets_);
  auto prepared = message_->prepare(request_for(parsed.section));
  if (!prepared && store::is_expunged(prepared.error())) {
    return bad_url(url, "the message has been expunged");
  }
  TRY_DO(std::move(prepared));
  std::optional<OctetRange> range;
  if (selects_fields(parsed.section.text)) {
    TRY(fields_, message_->fields(parsed.section));
    if (fields_) range = {0, fields_->size()};
  } else {
    range = message_->range_of(parsed.section);
  }
  if (!range) return bad_url(url, "the message has no such part");
  range_ = *range;
  if (parsed.partial) {
    auto skipped = std::min(parsed.partial->offset, range_.octets);
    range_ = {range_.offset + skipped, std::min(parsed.partial->count, range_.octets - skipped)};
  }
  return {};
}

Result<std::string> UrlSource::read(std::uint64_t octets_max) {
  OctetRange piece{range_.offset, std::min(range_.octets, octets_max)};
  if (piece.octets == 0) return std::string();
  std::string bytes;
  if (fields_) {
    bytes = fields_->substr(static_cast<std::size_t>(piece.offset),
                            static_cast<std::size_t>(piece.octets));
  } else {
    TRY(bytes, message_->read(piece));
  }
  if (bytes.size() != piece.octets) return Error::temporary("A message is shorter than it was");
  range_ = {range_.offset + piece.octets, range_.octets - piece.octets};
  return bytes;
}

}  // namespace pennypost::imap
