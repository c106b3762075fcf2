#include "common/base/clock.h"

namespace pennypost {
namespace {

class SystemClock final : public Clock {
 public:
  Microseconds now() const override {
    return std::chrono::duration_cast<Microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
  }
};

}  // namespace

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

}  // namespace pennypost
