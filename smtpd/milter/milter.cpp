#include "smtpd/milter/milter.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/net/address.h"

namespace pennypost::smtp {
namespace {

using Kind = MilterReply::Kind;
constexpr std::size_t unsent_bytes_max = 64 * 1024;  // more is sent before an answer is awaited
constexpr std::size_t hold_reason_bytes_max = 100;

MilterAnswer refusal(std::string reply) {
  MilterAnswer answer;
  answer.kind = MilterAnswer::Kind::Refuse;
  answer.reply = std::move(reply);
  return answer;
}

/// libmilter takes a reply for a format: `%%` is a percent sign.
std::string without_doubled(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
    } else if (i + 1 < text.size()) {
      plain += text[++i];
    }
  }
  return plain;
}

/// The action (SMFIF_…) that a change needs.
std::uint32_t action_of(const MilterReply& change) {
  switch (change.kind) {
    case Kind::AddRecipient:
      return change.value.empty()
                 ? milter_actions::add_recipient | milter_actions::add_recipient_with_parameters
                 : milter_actions::add_recipient_with_parameters;
    case Kind::DeleteRecipient:
      return milter_actions::delete_recipient;
    case Kind::ReplaceBody:
      return milter_actions::change_body;
    case Kind::ChangeHeader:
      return milter_actions::change_header;
    case Kind::ChangeSender:
      return milter_actions::change_sender;
    case Kind::Quarantine:
      return milter_actions::quarantine;
    case Kind::InsertHeader:
      return milter_actions::add_header | milter_actions::change_header;
    default:
      return milter_actions::add_header;
  }
}

}  // namespace

Error MilterAnswer::refusal() const {
  int code = static_cast<int>(parse_number(reply.substr(0, 3)).value_or(451));
  std::optional<EnhancedStatus> status;
  std::string text;
  for (std::string_view line : split(reply, '\n')) {
    if (line.size() <= 4) continue;
    line.remove_prefix(4);
    auto taken = EnhancedStatus::take(line);
    if (!status) status = taken;
    if (!text.empty()) text += '\n';
    text += printable(trim(line));
  }
  if (text.empty()) text = "Command rejected";
  return Error(code, status, ResponseCode::None, std::move(text));
}

/// An event: how it is told, and what of the negotiation concerns it.
struct Milter::Step {
  MilterEvent event;
  std::uint32_t unwanted;  // SMFIP_NO…
  std::uint32_t mute;      // SMFIP_NR_…
  std::optional<MilterStage> macros;
};

namespace {

namespace e = milter_events;

}  // namespace

Milter::Milter(Loop& loop, MilterSettings settings, Connect connect, MilterMacros macros,
               const MilterMacroValues& values, std::string component)
    : loop_(loop),
      settings_(std::move(settings)),
      connect_(std::move(connect)),
      macros_(std::move(macros)),
      values_(values),
      component_(std::move(component)) {}

// Events

Task<MilterAnswer> Milter::connect(MilterClient client) {
  auto connecting = connect_();
  auto stream = co_await std::move(connecting);
  if (!stream) co_return fail("can't connect: " + stream.error().text());
  connection_ = std::make_unique<Connection>(loop_, std::move(*stream), settings_.command_timeout);
  auto negotiating = negotiate();
  auto negotiated = co_await std::move(negotiating);
  if (!negotiated) co_return fail(negotiated.error().text());
  auto address = IpAddress::parse(client.address);
  std::string data;
  // Sendmail's form of a name that is not known.
  bool is_known = client.name != "unknown" || !address;
  put_milter_text(data, is_known ? client.name : "[" + client.address + "]");
  data += !address ? 'U' : address->is_v4() ? '4' : '6';
  if (address) {
    data += static_cast<char>(client.port >> 8);
    data += static_cast<char>(client.port & 0xff);
    put_milter_text(data, client.address);
  }
  const Step step{MilterEvent::Connect, e::no_connect, e::mute_connect, MilterStage::Connect};
  auto telling = tell(step, std::move(data));
  co_return co_await std::move(telling);
}

Task<MilterAnswer> Milter::helo(std::string name) {
  forget_message();
  std::string data;
  put_milter_text(data, name);
  const Step step{MilterEvent::Helo, e::no_helo, e::mute_helo, MilterStage::Helo};
  auto telling = tell(step, std::move(data));
  co_return co_await std::move(telling);
}

Task<MilterAnswer> Milter::mail(std::vector<std::string> words) {
  std::string data;
  for (const auto& word : words) put_milter_text(data, word);
  forget_message();
  is_in_message_ = true;
  const Step step{MilterEvent::Mail, e::no_mail, e::mute_mail, MilterStage::Mail};
  auto telling = tell(step, std::move(data));
  co_return co_await std::move(telling);
}

Task<MilterAnswer> Milter::rcpt(std::vector<std::string> words) {
  std::string data;
  for (const auto& word : words) put_milter_text(data, word);
  const Step step{MilterEvent::Rcpt, e::no_rcpt, e::mute_rcpt, MilterStage::Rcpt};
  auto telling = tell(step, std::move(data));
  co_return co_await std::move(telling);
}

Task<MilterAnswer> Milter::data() {
  const Step step{MilterEvent::Data, e::no_data, e::mute_data, MilterStage::Data};
  auto telling = tell(step, "");
  co_return co_await std::move(telling);
}

Task<MilterAnswer> Milter::unknown(std::string line) {
  std::string data;
  put_milter_text(data, line);
  const Step step{MilterEvent::Unknown, e::no_unknown, e::mute_unknown, MilterStage::Unknown};
  auto telling = tell(step, std::move(data));
  co_return co_await std::move(telling);
}

Task<MilterAnswer> Milter::message(MilteredMessage& message) {
  auto showing = show_header(message);
  auto answer = co_await std::move(showing);
  if (is_over(answer)) co_return std::move(answer);
  auto showing_body = show_body(message);
  answer = co_await std::move(showing_body);
  if (is_over(answer)) co_return std::move(answer);
  const Step step{MilterEvent::EndOfBody, 0, 0, MilterStage::EndOfData};
  auto telling = tell(step, "", &message);
  answer = co_await std::move(telling);
  is_in_message_ = false;
  co_return std::move(answer);
}

Task<MilterAnswer> Milter::show_header(MilteredMessage& message) {
  const Step step{MilterEvent::Header, e::no_header, e::mute_header, std::nullopt};
  std::string header = message.header();
  std::string_view shown = header;
  if ((events_ & e::no_header) != 0) shown = {};
  SeenFields is_seen;
  for (const HeaderField& field : HeaderFields(shown)) {
    if (!is_seen(field) || field.name.empty()) continue;
    std::string_view body = field.body;
    if ((events_ & e::keeps_header_space) == 0 && body.starts_with(' ')) body.remove_prefix(1);
    std::string data;
    put_milter_text(data, field.name);
    put_milter_text(data, body);
    auto telling = tell(step, std::move(data));
    auto answer = co_await std::move(telling);
    if (is_over(answer)) co_return std::move(answer);
  }
  const Step end{MilterEvent::EndOfHeader, e::no_end_of_header, e::mute_end_of_header,
                 MilterStage::EndOfHeader};
  auto telling = tell(end, "");
  co_return co_await std::move(telling);
}

Task<MilterAnswer> Milter::show_body(MilteredMessage& message) {
  const Step step{MilterEvent::Body, e::no_body, e::mute_body, std::nullopt};
  if ((events_ & e::no_body) != 0 || connection_ == nullptr) co_return standing();
  std::string wire;
  std::uint64_t offset = 0;
  for (;;) {
    auto reading = message.read_body(offset, milter_body_bytes_max / 2);
    auto piece = co_await std::move(reading);
    if (!piece) co_return fail("the message can't be read: " + piece.error().text());
    offset += piece->size();
    for (char c : *piece) {
      if (c == '\n') wire += '\r';
      wire += c;
    }
    while (wire.size() >= milter_body_bytes_max || (piece->empty() && !wire.empty())) {
      std::string chunk = wire.substr(0, milter_body_bytes_max);
      wire.erase(0, chunk.size());
      auto telling = tell(step, std::move(chunk));
      auto answer = co_await std::move(telling);
      if (is_over(answer) || skipped_ == MilterEvent::Body) co_return std::move(answer);
    }
    if (piece->empty()) co_return standing();
  }
}

/// Before a new one, or a new HELO.
void Milter::forget_message() {
  needs_abort_ = needs_abort_ || is_in_message_;
  is_in_message_ = false;
  accepts_message_ = false;
  has_new_body_ = false;
  hold_.reset();
  changes_ = 0;
}

void Milter::quit() {
  if (connection_ == nullptr) return;
  try {
    if (connection_->unsent() == 0) {
      connection_->stream().try_write(milter_packet(MilterEvent::Quit, ""));
    }
    connection_->stream().shut_down();
  } catch (const Disconnected&) {
    // It has gone first.
  }
  connection_.reset();
}

// How an event is told

/// What is returned where nothing is asked.
MilterAnswer Milter::standing() const {
  MilterAnswer answer = standing_;
  if (!answer.hold) answer.hold = hold_;
  return answer;
}

bool Milter::is_over(const MilterAnswer& answer) const {
  return answer.kind != MilterAnswer::Kind::Continue || accepts_message_ || connection_ == nullptr;
}

MilterAnswer Milter::fail(const std::string& why) {
  log_warning(component_, "milter " + settings_.text + ": " + why);
  connection_.reset();
  standing_ = {};
  const std::string& action = settings_.default_action;
  if (action == "quarantine") standing_.hold = "default_action";
  if (action == "reject") standing_ = refusal("550 5.5.0 Service unavailable");
  if (action == "shutdown") {
    standing_ = refusal("421 4.7.1 Service unavailable - try again later");
  }
  // A message of which half a new body is here can't be taken.
  bool is_broken = std::exchange(has_new_body_, false);
  auto broken = std::exchange(body_error_, {});
  MilterAnswer later = refusal("451 4.7.1 Service unavailable - try again later");
  if (action == "tempfail") standing_ = later;
  if (broken) {
    auto status = broken->status().value_or(EnhancedStatus::of_reply(broken->code()));
    return refusal(std::to_string(broken->code()) + " " + status.text() + " " + broken->text());
  }
  return is_broken ? later : standing_;
}

void Milter::set_time(std::chrono::seconds timeout) {
  connection_->set_timeout(timeout);
  connection_->set_deadline(loop_.now() + timeout * milter_patience);
}

/// `message`: where the milter may change it.
Task<MilterAnswer> Milter::tell(const Step& step, std::string data, MilteredMessage* message) {
  if (connection_ == nullptr || accepts_message_) co_return standing();
  if (skipped_ != step.event) skipped_.reset();
  if (skipped_ || (absent_ & step.unwanted) != 0) co_return standing();
  if (std::exchange(needs_abort_, false)) {
    connection_->put(milter_packet(MilterEvent::Abort, ""));
  }
  if (step.macros) {
    std::string macros = macros_.data(*step.macros, values_);
    if (!macros.empty()) {
      macros.insert(0, 1, static_cast<char>(step.event));
      connection_->put(milter_packet(MilterEvent::Macros, macros));
    }
  }
  if ((events_ & step.unwanted) != 0) co_return standing();
  connection_->put(milter_packet(step.event, data));
  bool is_content = step.event == MilterEvent::Header || step.event == MilterEvent::EndOfHeader ||
                    step.event == MilterEvent::Body || step.event == MilterEvent::EndOfBody;
  set_time(is_content ? settings_.content_timeout : settings_.command_timeout);
  bool is_mute = (events_ & step.mute) != 0;
  std::string why;
  try {
    if (connection_->unsent() > unsent_bytes_max) co_await connection_->flush();
    if (is_mute) co_return standing();
    auto answering = answer(step, message);
    auto answered = co_await std::move(answering);
    if (answered) co_return *std::move(answered);
    why = answered.error().text();
  } catch (const Disconnected& end) {
    why = end.reason() == Disconnected::Reason::Timeout ? "no answer in time" : end.text();
  }
  co_return fail(why);
}

/// Reads answers up to the last one, and carries changes out.
Task<Result<MilterAnswer>> Milter::answer(const Step& step, MilteredMessage* message) {
  for (;;) {
    auto reading = reply();
    CO_TRY(auto one, co_await std::move(reading));
    if (one.kind == Kind::Progress) continue;
    if (one.is_last()) {
      if (has_new_body_ && message != nullptr) {
        auto ending = end_body(*message);
        CO_TRY_DO(co_await std::move(ending));
        has_new_body_ = false;
      }
      co_return decide(step, one);
    }
    CO_TRY_DO(check(one, step));
    if (one.kind == Kind::Quarantine) {
      hold_ = printable(one.value, hold_reason_bytes_max);
      continue;
    }
    auto applying = apply(one, *message);
    CO_TRY_DO(co_await std::move(applying));
  }
}

MilterAnswer Milter::decide(const Step& step, const MilterReply& reply) {
  bool is_for_session = step.event == MilterEvent::Connect || step.event == MilterEvent::Helo;
  MilterAnswer answer;
  switch (reply.kind) {
    case Kind::Accept:
      if (is_for_session) {
        quit();
      } else {
        accepts_message_ = true;
      }
      return standing();
    case Kind::Discard:
      if (is_for_session) {
        log_warning(component_, "milter " + settings_.text +
                                    ": DISCARD is not allowed in answer to connect or helo");
        return standing();
      }
      accepts_message_ = true;
      answer.kind = MilterAnswer::Kind::Discard;
      return answer;
    case Kind::Reject:
      answer = refusal("550 5.7.1 Command rejected");
      break;
    case Kind::TemporaryFailure:
      answer = refusal("451 4.7.1 Service unavailable - try again later");
      break;
    case Kind::ReplyCode:
      answer = refusal(without_doubled(reply.value));
      break;
    case Kind::Shutdown:
      answer = refusal("421 4.7.0 Server closing connection");
      is_for_session = true;
      break;
    case Kind::Skip:
      skipped_ = step.event;
      return standing();
    default:
      return standing();
  }
  if (is_for_session) {
    quit();
    standing_ = answer;
  }
  return answer;
}

/// Whether the milter may ask for this, and now.
Result<void> Milter::check(const MilterReply& change, const Step& step) const {
  if ((actions_ & action_of(change)) == 0) {
    return Error::temporary("4.3.0", "it asks for a change that it has not negotiated");
  }
  if (change.kind != Kind::Quarantine && step.event != MilterEvent::EndOfBody) {
    return Error::temporary("4.3.0", "it asks for a change before the end of the message");
  }
  return {};
}

Task<Result<void>> Milter::apply(const MilterReply& change, MilteredMessage& message) {
  if (change.kind == Kind::ReplaceBody) {
    auto replacing = replace_body(change.value, message);
    auto replaced = co_await std::move(replacing);
    if (!replaced) body_error_ = replaced.error();
    co_return std::move(replaced);
  }
  if (++changes_ > milter_changes_max) {
    co_return Error::temporary(
        "4.3.0", "more than " + std::to_string(milter_changes_max) + " changes of one message");
  }
  switch (change.kind) {
    case Kind::AddRecipient:
      co_return message.add_recipient(change.name, change.value);
    case Kind::DeleteRecipient:
      co_return message.remove_recipient(change.name);
    case Kind::ChangeSender:
      co_return message.set_sender(change.name, change.value);
    default:
      break;
  }
  if (!is_field_name(change.name)) {
    co_return Error::temporary("4.3.0",
                               "\"" + printable(change.name, 100) + "\" is no name of a header");
  }
  std::string header = message.header();
  auto edits = header_change(header, change, (events_ & e::keeps_header_space) != 0);
  if (!edits.empty() && header.size() + edits[0].insert.size() > milter_header_bytes_max) {
    co_return Error::temporary("4.3.0", "it makes the header longer than " +
                                            std::to_string(milter_header_bytes_max) + " bytes");
  }
  if (!edits.empty() && !edits[0].insert.empty()) {
    auto checking = message.checked(std::move(edits[0].insert));
    CO_TRY(edits[0].insert, co_await std::move(checking));
    if (edits[0].insert.empty()) co_return Result<void>();
  }
  message.edit_header(edits);
  co_return Result<void>();
}

/// CRLF becomes LF, also where it is split between two pieces.
Task<Result<void>> Milter::replace_body(std::string_view piece, MilteredMessage& message) {
  if (!has_new_body_) {
    has_new_body_ = true;
    ends_in_cr_ = false;
    ends_in_newline_ = true;
    auto beginning = message.begin_body();
    CO_TRY_DO(co_await std::move(beginning));
  }
  std::string text;
  for (char c : piece) {
    if (ends_in_cr_ && c != '\n') text += '\r';
    ends_in_cr_ = c == '\r';
    if (!ends_in_cr_) text += c;
  }
  if (!text.empty()) ends_in_newline_ = text.back() == '\n';
  auto adding = message.add_to_body(text);
  co_return co_await std::move(adding);
}

/// The last line of a new body gets its line end.
Task<Result<void>> Milter::end_body(MilteredMessage& message) {
  std::string end;
  if (ends_in_cr_) end += '\r';
  if (ends_in_cr_ || !ends_in_newline_) end += '\n';
  if (end.empty()) co_return Result<void>();
  auto adding = message.add_to_body(end);
  co_return co_await std::move(adding);
}

// Negotiation and packets

Task<Result<void>> Milter::negotiate() {
  std::uint32_t ours = e::of_version(settings_.version);
  if (!settings_.has_header_replies) ours |= e::mute_header;
  std::string data = milter_offer_data(settings_.version, milter_actions::all, ours);
  std::string why;
  try {
    set_time(settings_.command_timeout);
    connection_->put(milter_packet(MilterEvent::Negotiate, data));
    auto reading = read_packet();
    CO_TRY(auto packet, co_await std::move(reading));
    if (packet.front() != static_cast<char>(MilterEvent::Negotiate)) {
      co_return Error::temporary("4.3.0", "it does not answer the negotiation");
    }
    CO_TRY(auto offer, parse_milter_offer(std::string_view(packet).substr(1)));
    if (offer.version > settings_.version) {
      co_return Error::temporary("4.3.0", "it speaks version " + std::to_string(offer.version) +
                                              " of the protocol, and milter_protocol is " +
                                              std::to_string(settings_.version));
    }
    if ((offer.actions & ~milter_actions::all) != 0) {
      co_return Error::temporary("4.3.0", "it wants to make changes that are not known");
    }
    actions_ = offer.actions;
    events_ = offer.events;
    absent_ = e::all_no & ~(ours & e::of_version(offer.version));
    for (auto& [stage, names] : offer.macros) macros_.choose(stage, std::move(names));
    co_return Result<void>();
  } catch (const Disconnected& end) {
    why = end.reason() == Disconnected::Reason::Timeout ? "no answer in time" : end.text();
  }
  co_return Error::temporary("4.3.0", "negotiation: " + why);
}

Task<Result<MilterReply>> Milter::reply() {
  auto reading = read_packet();
  CO_TRY(auto packet, co_await std::move(reading));
  co_return parse_milter_reply(packet);
}

/// A packet without its length.
Task<Result<std::string>> Milter::read_packet() {
  for (;;) {
    CO_TRY(auto size, milter_packet_size(input_));
    if (size && input_.size() >= *size + 4) {
      std::string packet = input_.substr(4, *size);
      input_.erase(0, *size + 4);
      co_return std::move(packet);
    }
    co_await connection_->fill();
    input_ += connection_->take_input();
  }
}

}  // namespace pennypost::smtp
