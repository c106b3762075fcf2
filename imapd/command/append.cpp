// APPEND: takes messages from the connection and stores them, all or none. REPLACE stores one, and
// removes the message that it replaces.
//
// Nothing is written for which there is no room: the quota and imap_append_spool_limit are checked
// when a message is announced, before the client sends it (a LITERAL+ is read and dropped), and the
// quota again as it arrives. The parts of a CATENATE that are URLs are read when they are named, so
// that a wrong one is told before the next literal is sent.
//
// STANDARDS  RFC 9051 section 6.3.12, RFC 3502 (MULTIAPPEND), RFC 4315 section 3 (APPENDUID),
//            RFC 4469 (CATENATE), RFC 6855 section 4 (UTF8), RFC 8508 (REPLACE), RFC 3516 section
//            4.4 (literal8)
#include "imapd/command/append.h"

#include <algorithm>
#include <span>

#include "common/async/turn.h"
#include "imapd/command/append_batch.h"
#include "imapd/command/event_scripts.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/command/url_source.h"
#include "imapd/grammar/append.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

using Event = CommandAssembler::Event;
using Kind = AppendStep::Kind;

// Storing this many takes long.
constexpr std::uint64_t large_octets = 1 << 20;
// How much of a message that a URL names is read at a time.
constexpr std::uint64_t piece_octets = 256 << 10;

// For octets that go to the file: checks that the mailbox exists, and that there is room both in
// the mailbox and in the spool.
Task<Result<void>> announce(SessionContext& context, AppendBatch& batch, std::uint64_t octets) {
  if (batch.announced_octets() == 0) {
    auto looked = co_await context.retry_while_locked(
        [&] { return context.store().check_target(*batch.target); });
    if (!looked) co_return with_try_create(looked.error());
  }
  if (batch.failure) co_return Result<void>();
  auto replaced_bytes = batch.messages.back().replaced_bytes;
  // Stored with LF line ends it has at least half as many octets.
  auto least = (batch.announced_octets() + octets) / 2;
  least -= std::min(least, replaced_bytes.value_or(0));
  auto count = batch.messages.size() - (replaced_bytes ? 1 : 0);
  CO_TRY_DO(co_await context.retry_while_locked(
      [&] { return context.store().check_room(least, count); }));
  co_return batch.announce(octets, context.settings().imap_append_spool_limit);
}

// Which message a REPLACE replaces. RFC 8508 section 3.4: one that is not there can't be.
Result<store::Uid> replaced_message(SessionContext& context, const ReplacedMessage& asked) {
  if (context.selected() == nullptr) return Error(501, "No mailbox selected");
  auto& selected = *context.selected();
  bool may_remove = context.may_change() && selected.mailbox().changeable().expunges;
  if (!may_remove) return Error(550, ResponseCode::NoPerm, "Mailbox is read-only.");
  TRY(auto numbers, selected.numbers(asked.number, asked.is_uid));
  auto uids = selected.uids(numbers);
  bool is_there = uids.size() == 1 && selected.mailbox().find(uids.front()) != nullptr;
  if (!is_there) return Error(550, ResponseCode::Expunged, "The message does not exist");
  return uids.front();
}

// The size of the message to be replaced, which the quota does not count with the new one.
Task<Result<std::uint64_t>> stored_bytes(SessionContext& context, store::Uid uid) {
  auto& mailbox = context.selected()->mailbox();
  auto looking = context.retry_while_locked([&]() -> Result<std::uint64_t> {
    TRY(auto reader, mailbox.open(uid));
    return reader.stored_bytes();
  });
  co_return co_await std::move(looking);
}

// Decides whether to take a message at all.
Task<Result<void>> begin_message(SessionContext& context, AppendBatch& batch,
                                 const AppendRequest& request, const AppendStep& step) {
  // RFC 8508 section 4.7: one message takes the place of one.
  if (request.replaced && batch.replaced) co_return Error(501, "REPLACE takes one message");
  bool by_number = request.replaced && !request.replaced->is_uid;
  if (by_number && context.reporting().uid_only) co_return uid_required();
  CO_TRY(auto change, flag_change(context, step.flags, true));
  if (!batch.target) {
    CO_TRY(auto target, context.mailbox_name(request.mailbox));
    batch.target = std::move(target);
  }
  store::NewMessage fresh;
  if (request.replaced) {
    CO_TRY(batch.replaced, replaced_message(context, *request.replaced));
    auto measuring = stored_bytes(context, *batch.replaced);
    CO_TRY(fresh.replaced_bytes, co_await std::move(measuring));
  }
  fresh.flags = change.flags;
  fresh.keywords = std::move(change.keywords);
  if (step.internal_date) fresh.internal_date = step.internal_date->seconds;
  co_return batch.begin(std::move(fresh));
}

// Whether this many more octets may come into the message.
Task<Result<void>> make_room(SessionContext& context, AppendBatch& batch, std::uint64_t octets) {
  auto octets_max = context.limits().message_bytes_max;
  // RFC 4469 section 4.
  if (octets > octets_max || batch.message_octets() > octets_max - octets) {
    co_return Error(550, "[TOOBIG] The message is too big");
  }
  // For a small message it is enough that storing it fails.
  if (batch.fits_memory(octets)) co_return Result<void>();
  auto announcing = announce(context, batch, octets);
  co_return co_await std::move(announcing);
}

Task<Result<void>> take_url(SessionContext& context, AppendBatch& batch, UrlSource& source,
                            const std::string& url) {
  auto opening = context.retry_while_locked([&] { return source.open(url); });
  auto opened = co_await std::move(opening);
  if (!opened) {
    // That the mailbox is not there comes first, as Dovecot has it.
    auto looking =
        context.retry_while_locked([&] { return context.store().check_target(*batch.target); });
    auto looked = co_await std::move(looking);
    if (!looked) co_return with_try_create(looked.error());
    co_return opened;
  }
  auto making_room = make_room(context, batch, source.octets());
  CO_TRY_DO(co_await std::move(making_room));
  batch.begin_part(source.octets(), context.settings().mail_temp_dir);
  auto step = [&]() -> Result<bool> {
    TRY(auto bytes, source.read(piece_octets));
    TRY_DO(batch.add(bytes, context.store()));
    return source.octets() > 0;
  };
  for (bool more = true; more && !batch.failure;) {
    CO_TRY(more, co_await context.heavy_lane().offload([&] { return step(); }));
    co_await context.look_for_client();
  }
  batch.end_part();
  co_return Result<void>();
}

Task<Result<void>> begin_literal(SessionContext& context, AppendBatch& batch,
                                 const AppendStep& step, bool is_whole_message) {
  // RFC 6855 section 4.
  if (step.is_utf8 && !context.has_utf8()) co_return Error(501, "ENABLE UTF8=ACCEPT comes first");
  bool is_empty = is_whole_message && step.literal.bytes == 0;
  if (is_empty) co_return Error(550, "Can't save a zero byte message.");
  auto making_room = make_room(context, batch, step.literal.bytes);
  co_return co_await std::move(making_room);
}

Task<Result<void>> end_message(const AppendBatch& batch) {
  if (batch.message_octets() == 0) co_return Error(550, "Can't save a zero byte message.");
  co_return Result<void>();
}

// Everything that a text asks for, up to the octets of the literal at its end.
Task<Result<void>> take_steps(SessionContext& context, AppendBatch& batch, UrlSource& source,
                              const AppendRequest& request, const AppendSteps& steps) {
  auto take = [&](const AppendStep& step) -> Task<Result<void>> {
    switch (step.kind) {
      case Kind::Begin:
        break;
      case Kind::Url:
        return take_url(context, batch, source, step.url);
      case Kind::Literal:
        return begin_literal(context, batch, step, !steps.place.in_parts);
      case Kind::End:
        return end_message(batch);
    }
    return begin_message(context, batch, request, step);
  };
  for (const auto& step : steps.steps) {
    // What follows something that was refused is only read.
    bool is_passed = batch.failure && (step.kind == Kind::Url || step.kind == Kind::End);
    if (is_passed) continue;
    auto taking = take(step);
    CO_TRY_DO(co_await std::move(taking));
  }
  co_return Result<void>();
}

// Takes all octets of the literal off the connection, also if they are dropped.
Task<> take_literal(SessionContext& context, AppendBatch& batch, LiteralHeader literal,
                    bool is_whole_message) {
  auto& connection = context.connection();
  if (literal.synchronizing) context.put("+ OK\r\n");
  auto left = literal.bytes;
  batch.begin_part(left, context.settings().mail_temp_dir);
  while (left > 0) {
    if (!connection.has_input()) co_await connection.fill();
    auto bytes = connection.buffered();
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
    if (literal.binary) batch.look_at_binary(bytes);
    if (batch.goes_to_file()) {
      auto written = co_await context.account().threads.offload(
          [&] { return batch.add(bytes, context.store()); });
      if (!written) batch.fail(written.error());
    } else {
      // Only to memory, or nowhere.
      auto added = batch.add(bytes, context.store());
      ASSERT(added.has_value());
      if (turn_is_long(context.loop())) co_await context.loop().turn_end();
    }
    left -= bytes.size();
    context.consume(bytes.size());
  }
  batch.end_part();
  bool is_binary = literal.binary && !batch.failure && !batch.is_made_of_lines();
  if (!is_binary) co_return;
  // RFC 3516 section 4.4: content may be encoded otherwise, or is refused.
  Result<void> encoded = Error(550, "[UNKNOWN-CTE] Binary content can't be part of a message");
  if (is_whole_message) {
    encoded = co_await context.heavy_lane().offload([&] { return batch.encode_binary(); });
  }
  if (!encoded) batch.fail(encoded.error());
}

// If the old message can't be removed the new one is taken back: a client that is told NO finds its
// mailbox as it was.
Task<Result<void>> take_back(SessionContext& context, AppendBatch& batch,
                             const store::Appended& appended) {
  auto removing = context.retry_while_locked([&]() -> Result<void> {
    TRY(auto target, context.store().open(*batch.target, store::Access::ReadOnly));
    TRY_DO(target->expunge(appended.uids));
    return {};
  });
  co_return co_await std::move(removing);
}

Task<Reply> remove_replaced(SessionContext& context, AppendBatch& batch,
                            const store::Appended& appended) {
  auto& selected = *context.selected();
  auto removing = context.retry_while_locked(
      [&] { return selected.mailbox().expunge(std::span(&*batch.replaced, 1)); });
  auto gone = co_await std::move(removing);
  if (!gone) {
    auto taking_back = take_back(context, batch, appended);
    CO_TRY_DO(co_await std::move(taking_back));
    co_return Reply(gone.error());
  }
  // None: another session has removed it meanwhile, and the new message has its place all the same.
  selected.note_expunged(*gone);
  // RFC 8508 section 4.3: the new UID is told before the old message goes.
  context.put("* OK " + append_uid_code(appended) + " Replacement message ready.\r\n");
  auto coding = context.highest_modseq_code();
  auto modseq = co_await std::move(coding);
  co_return Reply::ok(modseq + "Replace completed.");
}

Task<Reply> store_messages(SessionContext& context, AppendBatch& batch) {
  if (batch.failure) co_return Reply(*batch.failure);
  auto lane = batch.file_octets > large_octets ? context.heavy_lane() : context.light_lane();
  auto append = [&] {
    auto appended = context.store().append(*batch.target, batch.messages);
    if (appended) context.events().tell_saved(*batch.target, *appended, batch.messages);
    return appended;
  };
  auto appending = context.retry_while_locked(lane, [&] { return append(); });
  auto appended = co_await std::move(appending);
  if (!appended) co_return Reply(with_try_create(appended.error()));
  context.note_own(*batch.target, appended->uids);
  auto reply = Reply::ok(append_uid_code(*appended) + " Append completed.");
  if (batch.replaced) {
    auto removing = remove_replaced(context, batch, *appended);
    reply = co_await std::move(removing);
    if (reply.status() != Reply::Status::Ok) co_return reply;
  }
  MailEvent event;
  event.cause = ImapCause::Append;
  event.mailbox = *batch.target;
  for (auto uid : appended->uids) event.messages.push_back({uid, ""});
  auto running = run_event_scripts(context, std::move(event));
  co_await std::move(running);
  co_return reply;
}

// Takes the messages to the end of the command; nothing where they have all come, else the reply.
// Event::Abandon ends the conversation.
Task<std::optional<Reply>> take_messages(SessionContext& context, AppendBatch& batch,
                                         const AppendRequest& request, Event& event) {
  auto& assembler = context.assembler();
  UrlSource source(context);
  auto next = request.message;
  while (!next.steps.empty()) {
    auto taking = take_steps(context, batch, source, request, next);
    auto taken = co_await std::move(taking);
    if (!taken) batch.fail(taken.error());
    if (event != Event::Message) co_return std::nullopt;
    if (taken) {
      auto literal = next.steps.back().literal;
      auto taking_literal = take_literal(context, batch, literal, !next.place.in_parts);
      co_await std::move(taking_literal);
      assembler.message_taken();
    } else {
      assembler.refuse(taken.error());
    }
    event = co_await context.next_event();
    if (event == Event::Abandon) co_return std::nullopt;
    if (event == Event::Refused) co_return Reply(assembler.error());
    CO_TRY(next, parse_append_next(assembler.text(), next.place, context.limits()));
  }
  co_return std::nullopt;
}

}  // namespace

// All parts of its messages are URLs, or its arguments are not as they should be.
Task<Reply> append(SessionContext& context, const CommandHead& /*command*/) {
  CO_TRY_DO(parse_append(context.assembler().text(), context.limits()));
  auto appending = append_messages(context, Event::Complete);
  auto reply = co_await std::move(appending);
  ASSERT(reply.has_value());
  co_return *reply;
}

Task<Reply> replace(SessionContext& context, const CommandHead& command) {
  return append(context, command);
}

Task<std::optional<Reply>> append_messages(SessionContext& context, Event event) {
  AppendBatch batch(context.account());
  auto request = parse_append(context.assembler().text(), context.limits());
  ASSERT(request.has_value());
  auto taking = take_messages(context, batch, *request, event);
  auto refusal = co_await std::move(taking);
  if (refusal) co_return refusal;
  if (event == Event::Abandon) {
    context.abandon("Too much input that can't be taken");
    co_return std::nullopt;
  }
  auto storing = store_messages(context, batch);
  auto reply = co_await std::move(storing);
  if (context.selected() != nullptr) co_await context.tell_news(true, false);
  co_return reply;
}

}  // namespace pennypost::imap
