/* Keeps the click id of a visit, fills it into forms, reports clicks that came without a redirect: docs/clicks.md.
   ES5, for every browser; served without comments and indentation, under 2 KB gzipped. It never throws. */
(function (window, document) {
  'use strict';
  var DAY = 864e5;
  var FIELD = 'input[type=hidden][name=click_id]';
  var AD_ID = /^(fbclid|gclid|gbraid|wbraid|ttclid|ScCid|epik|li_fat_id|rdt_cid|msclkid|twclid)$/;
  var TOLD = /^(utm_\w+|sub\d+|partner_click_id|cost|cost_currency|test)$/;
  var script = document.currentScript || document.querySelector('script[src*="/t.js"]');
  var data = script ? script.dataset : {};
  var consent = data.consent;
  /* c: click id, t: when it came, m: the parameters it came with, a: ad-platform ids as [value, first seen]. */
  var kept = {};

  function safe(action) {
    return function (argument) {
      try {
        return action(argument);
      } catch (_) {}
    };
  }

  function each(selector, action) {
    [].forEach.call(document.querySelectorAll(selector), action);
  }

  /* Also those behind #, where some applications have theirs. */
  function parameters() {
    var found = {};
    (location.search + location.hash).replace(
      /[?&#](\w+)=([^&#]*)/g,
      safe(function (pair) {
        pair = pair.slice(1).split('=');
        found[pair.shift()] = decodeURIComponent(pair.join('=').replace(/\+/g, ' '));
      })
    );
    return found;
  }

  var stored = safe(function () {
    return localStorage.getItem('tributary');
  });

  var read = safe(function (text) {
    return JSON.parse(text || decodeURIComponent(/tributary=([^;]*)/.exec(document.cookie)[1]));
  });

  /* In a cookie where there is no storage; the empty text erases. */
  function keep(text) {
    var isStored = safe(function () {
      if (text) localStorage.setItem('tributary', text);
      else localStorage.removeItem('tributary');
      return text;
    })();
    if (!isStored)
      document.cookie =
        'tributary=' + encodeURIComponent(text) + ';path=/;SameSite=Lax;max-age=' + (text ? 7776000 : 0);
  }

  /* A UUIDv7. */
  function mint(now) {
    var time = ('0' + now.toString(16)).slice(-12);
    var random = crypto.getRandomValues(new Uint16Array(5));
    function hex(number) {
      return (number + 65536).toString(16).slice(1);
    }
    return [
      time.slice(0, 8),
      time.slice(8),
      hex((random[0] & 4095) | 28672),
      hex((random[1] & 16383) | 32768),
      hex(random[2]) + hex(random[3]) + hex(random[4]),
    ].join('-');
  }

  /* Text goes out without a preflight. */
  var send = safe(function (click) {
    var url = (data.endpoint || script.src.replace(/\/t\.js.*/, '')) + '/v1/clicks';
    var body = JSON.stringify(click);
    var isSent = safe(function () {
      return navigator.sendBeacon(url, body);
    })();
    if (!isSent)
      fetch(url, { method: 'POST', body: body, keepalive: true, mode: 'no-cors' })['catch'](function () {});
  });

  var visit = safe(function () {
    var now = Date.now();
    var said = parameters();
    var id = said[data.parameter || 'click_id'];
    var click = { campaign: data.campaign, landing_url: location.href, referrer: document.referrer };
    var mark = '';
    var name;
    id = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id) ? id.toLowerCase() : '';
    if (consent === 'denied') {
      kept = { c: id };
      fill();
      return keep('');
    }
    kept = read(stored());
    if (!kept || !kept.a) kept = { a: {} };
    for (name in said) {
      if (!said[name]) continue;
      if (AD_ID.test(name)) {
        if ((kept.a[name] || [])[0] !== said[name]) kept.a[name] = [said[name], now];
      } else if (TOLD.test(name)) click[name] = said[name];
      else continue;
      mark += name + '=' + said[name] + '&';
    }
    for (name in kept.a) {
      if (now - kept.a[name][1] < 90 * DAY) {
        click[name] = kept.a[name][0];
        click[name + '_first_seen_at'] = new Date(kept.a[name][1]).toISOString();
      } else delete kept.a[name];
    }
    if (!(now - kept.t < (data.days || 30) * DAY)) kept.c = '';
    if (id ? id !== kept.c : data.campaign && (!kept.c || (mark && mark !== kept.m))) {
      kept.c = click.click_id = id || mint(now);
      kept.t = now;
      kept.m = mark;
      if (consent) click.consent = consent;
      if (!id) send(click);
    }
    fill();
    keep(JSON.stringify(kept));
  });

  var fill = safe(function () {
    each('form[data-tributary]', function (form) {
      if (form.querySelector(FIELD)) return;
      var input = document.createElement('input');
      input.type = 'hidden';
      input.name = 'click_id';
      form.appendChild(input);
    });
    if (kept.c || consent === 'denied')
      each(FIELD, function (input) {
        input.value = kept.c;
      });
  });

  /* Links to the hosts that data-links names, when they are followed. */
  var decorate = safe(function (event) {
    var link = event.target.closest('a');
    if (data.links.split(' ').indexOf(link.hostname) < 0 || /[?&]click_id=/.test(link.search)) return;
    if (kept.c) link.search += (link.search ? '&' : '?') + 'click_id=' + kept.c;
  });

  window.tributary = {
    clickId: function () {
      return kept.c || null;
    },
    consent: function (state) {
      consent = state;
      visit();
    },
  };
  /* A page that is prepared ahead may never be seen. */
  if (document.prerendering) document.addEventListener('prerenderingchange', visit);
  else visit();
  document.addEventListener('DOMContentLoaded', fill);
  document.addEventListener('submit', fill, true);
  document.addEventListener('click', decorate, true);
  document.addEventListener('auxclick', decorate, true);
})(window, document);
