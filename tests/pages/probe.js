// Runs inside a copy of a page, in a frame; tells its parent what is wrong with the page.
const faults = [];
addEventListener('error', event => faults.push('error: ' + (event.message || event.target.tagName)), true);
addEventListener('load', () => {
  document.querySelectorAll('details').forEach(details => { details.open = true; });
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    faults.push(`scrolls sideways: ${root.scrollWidth} in ${root.clientWidth}`);
  }
  const brief = text => text.trim().replace(/\s+/g, ' ').slice(0, 40);
  for (const element of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(element);
    const clips = ['hidden', 'clip'].includes(style.overflowX) && !element.closest('svg');
    if (clips && element.scrollWidth > element.clientWidth + 1) faults.push('cut off: ' + brief(element.textContent));
  }
  const channels = color => (color.match(/[\d.]+/g) || [0, 0, 0]).slice(0, 3).map(Number);
  // WCAG 2's relative luminance and contrast.
  const luminance = color => {
    const [r, g, b] = channels(color).map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const transparent = color => /rgba\(.*, 0\)/.test(color);
  const body = getComputedStyle(document.body).backgroundColor;
  const background = luminance(transparent(body) ? 'rgb(255, 255, 255)' : body);
  let texts = 0;
  const charts = document.querySelectorAll('svg.chart');
  for (const chart of charts) {
    const frame = chart.getBoundingClientRect();
    const boxes = [...chart.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()]);
    texts += boxes.length;
    boxes.forEach(([text, box], at) => {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        faults.push('outside its chart: ' + brief(text.textContent));
      }
      // Figures in cells stand on the cell; the colours' own test sees to those.
      if (!text.classList.contains('fk') && contrast(luminance(getComputedStyle(text).fill), background) < 3) {
        faults.push('does not stand out: ' + brief(text.textContent));
      }
      for (const [other, area] of boxes.slice(at + 1)) {
        const width = Math.min(box.right, area.right) - Math.max(box.left, area.left);
        const height = Math.min(box.bottom, area.bottom) - Math.max(box.top, area.top);
        // Boxes are as high as the font's highest letters: lines may touch.
        if (width > 1 && height > 3) faults.push(`overlap: ${brief(text.textContent)} | ${brief(other.textContent)}`);
      }
    });
  }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  parent.postMessage(JSON.stringify({page: PAGE, width: innerWidth, dark, charts: charts.length, texts, words: document.body.innerText.split(/\s+/).length, faults}), '*');
});
