// A milter in memory that answers as a test tells it; for unit tests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/net/connection.h"
#include "smtpd/milter/protocol.h"

namespace pennypost::smtp {

/// An answer's packet.
inline std::string milter_answer(char kind, std::string_view data = {}) {
  return milter_packet(static_cast<MilterEvent>(kind), data);
}

class FakeMilter {
 public:
  explicit FakeMilter(Loop& loop) : loop_(loop), serving_(loop) {}

  /// The other end of a new connection to it.
  std::unique_ptr<Stream> connect() {
    ++connections;
    auto [ours, theirs] = memory_streams(loop_);
    serving_.start(serve(std::move(theirs)));
    return std::move(ours);
  }

  /// What it answers to an event; `c` (continue) where nothing is given, and nothing to an event
  /// that has none, or that it has negotiated not to answer. `close` closes the connection.
  std::map<char, std::string> answers;
  /// Its part of the negotiation, the data behind `O`.
  std::string offer = milter_offer_data(6, milter_actions::all, 0);
  std::string mute;  // events that it does not answer
  /// Each event heard: its byte, and its data with `|` for NUL.
  std::vector<std::string> heard;
  int connections = 0;

 private:
  Task<> serve(std::unique_ptr<Stream> stream) {
    Connection connection(loop_, std::move(stream), Duration(5000));
    std::string input;
    try {
      for (;;) {
        auto size = milter_packet_size(input);
        if (!size || !*size || input.size() < **size + 4) {
          co_await connection.fill();
          input += connection.take_input();
          continue;
        }
        std::string packet = input.substr(4, **size);
        input.erase(0, **size + 4);
        std::string answer = answer_to(packet);
        if (answer == "close") break;
        if (!answer.empty()) co_await connection.write(answer);
      }
      connection.stream().shut_down();
    } catch (const Disconnected&) {
      // The other end has gone.
    }
  }

  std::string answer_to(std::string packet) {
    char event = packet.front();
    if (event == 'O') {
      auto given = answers.find('O');
      return given != answers.end() ? given->second : milter_answer('O', offer);
    }
    for (char& c : packet) {
      if (c == '\0') c = '|';
    }
    heard.push_back(std::move(packet));
    bool has_none = event == 'D' || event == 'A' || event == 'Q' || mute.find(event) != mute.npos;
    if (has_none) return event == 'Q' ? "close" : "";
    auto given = answers.find(event);
    return given != answers.end() ? given->second : milter_answer('c');
  }

  Loop& loop_;
  Nursery serving_;
};

}  // namespace pennypost::smtp
