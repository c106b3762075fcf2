// Shows fields of messages: `pennypost fetch FIELDS QUERY`, with doveadm's names for the fields.
#include <algorithm>
#include <array>
#include <ctime>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "imapd/admin/actions.h"
#include "imapd/admin/find.h"
#include "imapd/admin/message_text.h"
#include "imapd/fetch/fetch_message.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using Kind = FetchItem::Kind;

constexpr std::size_t fields_max = 200;
constexpr std::string_view one_field = "hdr.";
constexpr std::string_view decoded_field = ".utf8";

std::string shown_time(std::int64_t seconds) {
  std::time_t time = seconds;
  std::tm parts{};
  ::localtime_r(&time, &parts);
  std::array<char, 64> text{};
  auto length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), length};
}

/// A message while its fields are shown.
struct FieldSource {
  FieldSource(FoundMessages& in, const store::Message& its_message, std::uint64_t& work)
      : found(in), message(its_message), parts(in.mailbox(), its_message, work) {}

  Result<const std::string*> whole() {
    if (!text) {
      TRY(text, whole_message(found.mailbox(), message.uid));
    }
    return &*text;
  }
  Result<std::string_view> header() {
    TRY(const auto* all, whole());
    return std::string_view(*all).substr(0, header_bytes(*all));
  }

  FoundMessages& found;
  const store::Message& message;
  FetchMessage parts;
  std::optional<std::string> text;
};

using Value = Result<OutputCell>;

struct FieldRow {
  std::string_view name;
  std::optional<Kind> needs;  // what FetchMessage must have prepared
  Value (*value)(FieldSource& from);
};
constexpr std::array field_rows{
    FieldRow{"body",
             {},
             [](FieldSource& from) -> Value {
               TRY(const auto* all, from.whole());
               auto body = std::string_view(*all).substr(header_bytes(*all));
               return OutputCell("", with_line_feeds(body));
             }},
    FieldRow{"body.snippet", Kind::Preview,
             [](FieldSource& from) -> Value {
               return OutputCell("", from.parts.preview().value_or(""));
             }},
    FieldRow{"date.received", Kind::InternalDate,
             [](FieldSource& from) -> Value {
               return OutputCell("", shown_time(from.parts.internal_date()));
             }},
    FieldRow{"date.saved", Kind::SaveDate,
             [](FieldSource& from) -> Value {
               auto saved = from.parts.save_date();
               return OutputCell("", saved ? shown_time(*saved) : "");
             }},
    FieldRow{"date.sent",
             {},
             [](FieldSource& from) -> Value {
               TRY(auto header, from.header());
               auto value = HeaderFields(header).value("Date");
               auto date = value ? parse_date(*value) : std::nullopt;
               return OutputCell("", date ? shown_time(date->seconds) : "");
             }},
    FieldRow{"flags",
             {},
             [](FieldSource& from) -> Value {
               auto keywords = from.found.mailbox().keyword_names(from.message.keywords);
               return OutputCell("", join(flag_names(from.message.flags, false, keywords), " "));
             }},
    FieldRow{"guid",
             {},
             [](FieldSource& from) -> Value {
               return OutputCell("", std::string(from.found.mailbox().file_name(from.message.uid)));
             }},
    FieldRow{"hdr",
             {},
             [](FieldSource& from) -> Value {
               TRY(auto header, from.header());
               return OutputCell("", with_line_feeds(header));
             }},
    FieldRow{
        "imap.body", Kind::Body,
        [](FieldSource& from) -> Value { return OutputCell("", from.parts.structure().body); }},
    FieldRow{"imap.bodystructure", Kind::BodyStructure,
             [](FieldSource& from) -> Value {
               return OutputCell("", from.parts.structure().body_structure);
             }},
    FieldRow{"imap.envelope", Kind::Envelope,
             [](FieldSource& from) -> Value { return OutputCell("", from.parts.envelope()); }},
    FieldRow{"mailbox",
             {},
             [](FieldSource& from) -> Value { return OutputCell("", from.found.name.text()); }},
    FieldRow{"mailbox-guid",
             {},
             [](FieldSource& from) -> Value { return OutputCell("", from.found.mailbox().id()); }},
    FieldRow{"seq",
             {},
             [](FieldSource& from) -> Value {
               auto number = from.found.selected.number_of(from.message.uid).value_or(0);
               return OutputCell("", std::uint64_t{number});
             }},
    FieldRow{"size.physical",
             {},
             [](FieldSource& from) -> Value {
               TRY(auto reader, from.found.mailbox().open(from.message.uid));
               return OutputCell("", reader.stored_bytes());
             }},
    FieldRow{"size.virtual", Kind::Rfc822Size,
             [](FieldSource& from) -> Value { return OutputCell("", from.parts.octets()); }},
    FieldRow{"text",
             {},
             [](FieldSource& from) -> Value {
               TRY(const auto* all, from.whole());
               return OutputCell("", with_line_feeds(*all));
             }},
    FieldRow{"uid",
             {},
             [](FieldSource& from) -> Value {
               return OutputCell("", std::uint64_t{from.message.uid.value()});
             }},
};
static_assert(std::ranges::is_sorted(field_rows, {}, &FieldRow::name));

/// A field that was asked for: one of the rows, or a field of the header.
struct AskedField {
  std::string shown;
  const FieldRow* row = nullptr;
  std::string header;  // where there is no row
  bool is_decoded = false;
};

/// The values of all fields of that name, one a line.
Value header_value(FieldSource& from, const AskedField& asked) {
  TRY(auto header, from.header());
  std::string out;
  for (const auto& field : HeaderFields(header).find_all(asked.header)) {
    if (!out.empty()) out += '\n';
    out += asked.is_decoded ? decode_words(field.value()) : field.value();
  }
  return OutputCell("", std::move(out));
}

Result<AskedField> field_of(std::string_view name) {
  AskedField asked;
  asked.shown = lower(name);
  auto row = std::ranges::find(field_rows, std::string_view(asked.shown), &FieldRow::name);
  if (row != field_rows.end()) {
    asked.row = &*row;
    return asked;
  }
  if (asked.shown.starts_with(one_field)) {
    std::string_view header = std::string_view(asked.shown).substr(one_field.size());
    asked.is_decoded = header.ends_with(decoded_field);
    if (asked.is_decoded) header.remove_suffix(decoded_field.size());
    if (is_field_name(header)) {
      asked.header = header;
      return asked;
    }
  }
  std::vector<std::string> known{"user"};
  for (const auto& each : field_rows) known.emplace_back(each.name);
  return Error(501, "there is no field " + printable(name, 60) + "; the fields are " +
                        join(known, ", ") + ", and hdr.NAME or hdr.NAME.utf8");
}

class FetchFields final : public AdminAction {
 public:
  static MadeAction make(const AdminCall& call) {
    if (call.words.size() < 2) return Error(501, "fields and a query are needed");
    auto action = std::make_unique<FetchFields>();
    for (auto name : words(call.words.front())) {
      if (action->fields_.size() == fields_max) return Error(501, "too many fields");
      if (equal_nocase(name, "user")) {
        action->shows_user_ = true;
        continue;
      }
      TRY(auto field, field_of(name));
      if (field.row != nullptr && field.row->needs) {
        FetchItem item;
        item.kind = *field.row->needs;
        action->request_.items.push_back(std::move(item));
      }
      action->fields_.push_back(std::move(field));
    }
    TRY(action->query_, MailQuery::parse(std::span(call.words).subspan(1),
                                         Clock::system().now_seconds(), call.limits));
    return MadeAction(std::move(action));
  }

  Result<void> run(AdminAccount& on) override {
    if (!on.has_mail) return {};
    return find_messages_of(query_, on, on.store, store::Access::ReadOnly,
                            [&](FoundMessages& found) { return show(on, found); });
  }

 private:
  Result<void> show(AdminAccount& on, FoundMessages& found) {
    AdminProgress progress(on.account.name + ": " + found.name.text(), found.uids.size());
    for (auto uid : found.uids) {
      auto shown = show_message(on, found, uid);
      // Somebody has removed it since.
      if (!shown && !store::is_expunged(shown.error())) return shown;
      progress.add(1);
    }
    return {};
  }

  Result<void> show_message(AdminAccount& on, FoundMessages& found, store::Uid uid) {
    const auto* message = found.mailbox().find(uid);
    if (message == nullptr) return {};
    std::uint64_t work = 0;
    FieldSource from(found, *message, work);
    TRY_DO(from.parts.prepare(request_));
    auto row = on.row_begin();
    row.front().is_only_json = row.front().is_only_json && !shows_user_;
    for (const auto& field : fields_) {
      TRY(auto cell, field.row != nullptr ? field.row->value(from) : header_value(from, field));
      cell.name = field.shown;
      row.push_back(std::move(cell));
    }
    on.out.row(AdminOutput::Form::Pager, row);
    return {};
  }

  std::vector<AskedField> fields_;
  FetchRequest request_;
  MailQuery query_;
  bool shows_user_ = false;
};

}  // namespace

MadeAction fetch_fields(const AdminCall& call) { return FetchFields::make(call); }

}  // namespace pennypost::imap
