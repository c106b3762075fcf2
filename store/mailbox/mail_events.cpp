#include "store/mailbox/mail_events.h"

#include <algorithm>
#include <array>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "store/mailbox/logged_mailbox.h"

namespace pennypost::store {
namespace {

// In the order of the enumerations.
constexpr std::array<std::string_view, 9> event_names{
    "delete",         "undelete",       "expunge",        "save",       "copy",
    "mailbox_create", "mailbox_delete", "mailbox_rename", "flag_change"};
constexpr std::array<std::string_view, 8> field_names{"uid",  "box",     "msgid", "size",
                                                      "from", "subject", "vsize", "flags"};

template <std::size_t count>
unsigned bits_of(const std::array<std::string_view, count>& names,
                 const std::vector<std::string>& listed) {
  unsigned bits = 0;
  for (const auto& name : listed) {
    auto found = std::ranges::find_if(
        names, [&](std::string_view known) { return equal_nocase(known, name); });
    if (found != names.end()) bits |= 1u << (found - names.begin());
  }
  return bits;
}

std::string flags_text(Flags flags, const std::vector<std::string>& keywords) {
  constexpr std::array<std::pair<Flags::Bit, std::string_view>, 5> names{{
      {Flags::Answered, "\\Answered"},
      {Flags::Flagged, "\\Flagged"},
      {Flags::Deleted, "\\Deleted"},
      {Flags::Seen, "\\Seen"},
      {Flags::Draft, "\\Draft"},
  }};
  std::vector<std::string> set;
  for (const auto& [bit, name] : names) {
    if (flags.has(bit)) set.emplace_back(name);
  }
  set.insert(set.end(), keywords.begin(), keywords.end());
  return "(" + join(set, " ") + ")";
}

/// The first octets of a message that is to be stored.
std::string beginning_of(const NewMessage& message, std::uint64_t octets_max) {
  std::string text;
  for (const auto& piece : message.body) {
    auto room = octets_max - text.size();
    if (room == 0) break;
    if (const auto* part = std::get_if<std::string_view>(&piece)) {
      text += part->substr(0, room);
      continue;
    }
    const auto& range = std::get<FileRange>(piece);
    std::string part(static_cast<std::size_t>(std::min(range.length, room)), '\0');
    auto count =
        ::pread(range.descriptor, part.data(), part.size(), static_cast<off_t>(range.offset));
    // What can't be read is not told.
    text.append(part, 0, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return text;
}

std::uint64_t size_of(const NewMessage& message) {
  std::uint64_t size = 0;
  for (const auto& piece : message.body) {
    const auto* part = std::get_if<std::string_view>(&piece);
    size += part != nullptr ? part->size() : std::get<FileRange>(piece).length;
  }
  return size;
}

}  // namespace

MailEvents::MailEvents(std::string service, std::string user, std::string session,
                       const std::vector<std::string>& events,
                       const std::vector<std::string>& fields)
    : service_(std::move(service)),
      user_(std::move(user)),
      session_(std::move(session)),
      events_(static_cast<std::uint16_t>(bits_of(event_names, events))),
      fields_(static_cast<std::uint8_t>(bits_of(field_names, fields))) {}

void MailEvents::tell_mailbox(Event event, const MailboxName& name, std::string_view to) const {
  if (!wants(event)) return;
  std::string_view what = event == Event::MailboxCreate   ? "Mailbox created"
                          : event == Event::MailboxDelete ? "Mailbox deleted"
                                                          : "Mailbox renamed";
  log_mailbox_event({service_, user_, session_, what, {}, {}}, name.text(), to);
}

void MailEvents::tell_saved(const MailboxName& name, const Appended& appended,
                            std::span<const NewMessage> messages) const {
  if (!wants(Event::Save)) return;
  std::size_t told = std::min({messages.size(), appended.uids.size(), lines_max});
  for (std::size_t i = 0; i < told; ++i) {
    Facts facts;
    facts.uid = appended.uids[i];
    facts.size = facts.vsize = size_of(messages[i]);
    facts.flags = flags_text(messages[i].flags, messages[i].keywords);
    if (needs_header()) read_header(beginning_of(messages[i], header_bytes_max), facts);
    tell("save", "", name.text(), facts);
  }
  tell_rest("save", name.text(), appended.uids.size() - told);
}

std::unique_ptr<Mailbox> MailEvents::logged(std::unique_ptr<Mailbox> mailbox) const {
  bool is_wanted = wants(Event::Delete) || wants(Event::Undelete) || wants(Event::Expunge) ||
                   wants(Event::Copy) || wants(Event::FlagChange);
  if (!is_wanted) return mailbox;
  return std::make_unique<LoggedMailbox>(*this, std::move(mailbox));
}

void MailEvents::read_header(std::string_view header, Facts& facts) const {
  HeaderFields fields(header);
  facts.msgid = fields.value("Message-ID").value_or("");
  if (shows(Field::Sender)) facts.from = decode_words(fields.value("From").value_or(""));
  if (shows(Field::Subject)) facts.subject = decode_words(fields.value("Subject").value_or(""));
}

/// What can't be read is left empty: the event itself is told all the same.
MailEvents::Facts MailEvents::facts_of(Mailbox& mailbox, Uid uid) const {
  Facts facts;
  facts.uid = uid;
  if (const auto* message = mailbox.find(uid); message != nullptr) {
    facts.flags = flags_text(message->flags, mailbox.keyword_names(message->keywords));
  }
  if (shows(Field::WireSize)) {
    auto octets = mailbox.octets(uid);
    if (octets) facts.vsize = *octets;
  }
  if (!needs_header() && !shows(Field::StoredSize)) return facts;
  auto reader = mailbox.open(uid);
  if (!reader) return facts;
  facts.size = reader->stored_bytes();
  if (!needs_header()) return facts;
  auto header = reader->header(header_bytes_max);
  if (header) read_header(*header, facts);
  return facts;
}

void MailEvents::tell(std::string_view event, std::string_view from, std::string_view box,
                      const Facts& facts) const {
  LogMailEvent line{service_, user_, session_, event, from, {}};
  auto add = [&](Field field, std::string value) {
    auto name = field_names[static_cast<std::size_t>(field)];
    if (shows(field)) line.fields.emplace_back(name, std::move(value));
  };
  add(Field::Box, std::string(box));
  add(Field::Number, std::to_string(facts.uid.value()));
  add(Field::MessageId, facts.msgid);
  add(Field::StoredSize, std::to_string(facts.size));
  add(Field::WireSize, std::to_string(facts.vsize));
  add(Field::Sender, facts.from);
  add(Field::Subject, facts.subject);
  add(Field::FlagList, facts.flags);
  log_mail_event(line);
}

void MailEvents::tell_rest(std::string_view event, std::string_view box, std::size_t untold) const {
  if (untold == 0) return;
  LogMailEvent line{service_, user_, session_, event, {}, {}};
  line.fields.emplace_back("box", std::string(box));
  line.fields.emplace_back("more", std::to_string(untold));
  log_mail_event(line);
}

}  // namespace pennypost::store
